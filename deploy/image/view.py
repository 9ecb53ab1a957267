"""What a container sees of an image's layers, laid over each other as the OCI image specification says."""

from __future__ import annotations

from deploy.image.archive import Entry

REMOVED = ".wh."
EMPTIED = ".wh..wh..opq"
"""How a layer removes a file, or all that lower layers have in a folder."""


class View:
    """What a container sees of the layers laid over each other."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, int]] = {}
        """Layer and size in bytes by path, folders included."""

    def add(self, layer: int, entry: Entry) -> None:
        """Lay one entry over what is there."""
        folder = entry.path.rpartition("/")[0]
        if entry.name == EMPTIED:
            self._forget(folder, below=layer)
        elif entry.name.startswith(REMOVED):
            removed = f"{folder}/{entry.name.removeprefix(REMOVED)}".lstrip("/")
            self.files.pop(removed, None)
            self._forget(removed, below=layer)
        else:
            self.files[entry.path] = layer, entry.size_bytes

    def shows(self, path: str, layer: int) -> bool:
        """Say whether the path is there, as that layer has it."""
        return self.files.get(path, (None, 0))[0] == layer

    def _forget(self, folder: str, *, below: int) -> None:
        inside = f"{folder}/" if folder else ""
        hidden = [
            path for path, (layer, _) in self.files.items() if path.startswith(inside) and layer < below
        ]
        for path in hidden:
            del self.files[path]
