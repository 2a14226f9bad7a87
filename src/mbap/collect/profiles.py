"""Finding a profile by name or path: the built-in ones and the user's own."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType

from mbap.collect.registermap import Profile
from mbap.filefaults import Fault, FileFaults, suggestion

_SUFFIX = ".toml"


class ProfileError(FileFaults):
    """A profile cannot be used: `faults` are all that is wrong; as text, one line each."""

    @classmethod
    def of(cls, message: str) -> ProfileError:
        """The error for one fault that is in no file."""
        return cls([Fault("", 0, "", message)])


def profile_names() -> list[str]:
    """The names of the built-in profiles, in order."""
    return sorted(Path(entry.name).stem for entry in _built_in().iterdir() if entry.name.endswith(_SUFFIX))


def load_profile(name_or_path: str | Path) -> Profile:
    """The built-in profile of that name, or the one in the file at that path.

    What ends in `.toml` or holds a path separator is a path, anything else a name.

    Raises:
        ProfileError: there is none, it cannot be read, or it has faults: all of them.
    """
    text = str(name_or_path)
    by_path = isinstance(name_or_path, Path) or text.endswith(_SUFFIX) or "/" in text or "\\" in text
    profilefile = _profilefile()
    try:
        profile: Profile = (
            profilefile.read_profile(Path(text))
            if by_path
            else profilefile.parse_profile(_built_in_text(text), text)
        )
    except FileFaults as error:
        raise ProfileError(error.faults) from None
    return profile


def profile_json_schema() -> dict[str, object]:
    """The JSON Schema of a profile file, for editors.

    Raises:
        ProfileError: the package for it is not installed.
    """
    schema: dict[str, object] = _profilefile().json_schema()
    return schema


def _built_in() -> Traversable:
    return resources.files("mbap.profiles")


def _built_in_text(name: str) -> str:
    known = profile_names()
    if name not in known:
        path = f"./{name}" if Path(name).is_file() else f"{name}{_SUFFIX}"
        raise ProfileError.of(
            f'there is no profile "{name}"{suggestion(name, known)}'
            f" (for a file of your own write its path: {path})"
        )
    return _built_in().joinpath(name + _SUFFIX).read_text(encoding="utf-8")


def _profilefile() -> ModuleType:
    try:
        from mbap.collect import profilefile
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pydantic", "pydantic_core"):
            raise
        raise ProfileError.of("profiles need: pip install 'mbap[site]'") from None
    return profilefile
