"""Makes a small conda channel for the tests. usage: make_channel.py FOLDER (needs py-rattler)"""

import asyncio
import hashlib
import io
import json
import os
import sys
import tarfile
from pathlib import Path

from rattler.index import index_fs

PLACEHOLDER = "/opt/placeholder_placehold_placehold"


def package(channel, name, version, files, depends=(), subdir="linux-64", build="0"):
    """Writes one package; files: path -> (text, mode). A text that names PLACEHOLDER gets the prefix in its place."""
    folder = channel / subdir
    folder.mkdir(parents=True, exist_ok=True)
    noarch = subdir == "noarch"
    index = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": list(depends),
        "arch": None if noarch else "x86_64",
        "platform": None if noarch else "linux",
        "subdir": subdir,
        "license": "Apache-2.0",
        "timestamp": 1700000000000,
    }
    if noarch:
        index["noarch"] = "generic"
    paths = []
    for path, (text, _) in files.items():
        data = text.encode()
        entry = {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_in_bytes": len(data),
        }
        if PLACEHOLDER in text:
            entry |= {"prefix_placeholder": PLACEHOLDER, "file_mode": "text"}
        paths.append(entry)
    contents = {
        "info/index.json": (json.dumps(index), 0o644),
        "info/paths.json": (json.dumps({"paths_version": 1, "paths": paths}), 0o644),
        "info/files": ("".join(f"{path}\n" for path in files), 0o644),
        "info/about.json": ("{}", 0o644),
        **files,
    }
    with tarfile.open(folder / f"{name}-{version}-{build}.tar.bz2", "w:bz2") as archive:
        for path, (text, mode) in contents.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            member.mode = mode
            archive.addfile(member, io.BytesIO(text.encode()))


def main():
    channel = Path(sys.argv[1])
    package(channel, "libtiny", "1.0", {"lib/tiny.txt": ("hello from libtiny\n", 0o644)})
    tool = {"bin/tiny-tool": (f"#!/bin/sh\ncat {PLACEHOLDER}/lib/tiny.txt\n", 0o755)}
    package(channel, "tiny-tool", "2.1", tool, ["libtiny >=1.0"])
    package(channel, "tiny-tool", "2.0", {"bin/tiny-tool": ("#!/bin/sh\necho old\n", 0o755)}, ["libtiny >=1.0"])
    package(channel, "tiny-data", "0.3", {"share/tiny/data.txt": ("data\n", 0o644)}, subdir="noarch")
    for version in ("1.16.4", "1.17.2", "1.17.5", "1.26.0"):
        package(channel, "numpy", version, {"share/numpy/version.txt": (f"{version}\n", 0o644)})
    package(channel, "wants-old", "1.0", {"share/wants-old.txt": ("x\n", 0o644)}, ["numpy <1.17"])
    asyncio.run(index_fs(channel, write_zst=True, write_shards=False))
    # rattler's threads may outlive the interpreter and crash it at its end: everything is on disk, so leave at once.
    os._exit(0)


main()
