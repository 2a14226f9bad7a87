// Runs before anything is drawn, so that a remembered theme does not flash.
"use strict";
{
  const kept = (() => {
    try {
      return localStorage.getItem("mbap.theme");
    } catch {
      return null; // storage is forbidden: follow the system
    }
  })();
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (choice) => {
    document.documentElement.dataset.theme = choice ?? (system.matches ? "dark" : "light");
  };
  apply(kept);
  system.addEventListener("change", () => {
    if (!document.documentElement.dataset.chosen) apply(null);
  });
  if (kept) document.documentElement.dataset.chosen = "yes";
}
