"""Why a device does not answer, or not rightly: one examination after another, from cable to value."""
