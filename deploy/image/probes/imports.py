"""Runs in the image: every module of ours can be imported, so nothing it needs was left out.

Not those of `pipelines`: their models are an extra, and are served from an image of their own.
"""

import importlib
import pkgutil

PACKAGES = ("core", "simulator", "baselines", "prompts", "tools", "agent", "evals", "ui")
STARTS_ON_IMPORT = "__main__"

count = 0
for name in PACKAGES:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if not module.name.endswith(STARTS_ON_IMPORT):
            importlib.import_module(module.name)
            count += 1
print(f"{count} modules")
