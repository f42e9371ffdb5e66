"""Packs a built program into a Python wheel, so that pipx and uvx install it.

    make_wheel.py PROGRAM OUT-DIRECTORY

Needs the packages `wheel` and `packaging`. A static program runs on any Linux of its architecture;
one that is not is for machines like this one, and the wheel's tag says so.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

from wheel.wheelfile import WheelFile

METADATA = """\
Metadata-Version: 2.1
Name: mailtrace
Version: {version}
Summary: Archive Amazon WorkMail's email event logs and trace messages
License: MIT
Description-Content-Type: text/markdown

{readme}"""

WHEEL = """\
Wheel-Version: 1.0
Generator: mailtrace
Root-Is-Purelib: false
"""


def tags(program: Path) -> list[str]:
    arch = platform.machine()
    linked = subprocess.run(["ldd", program], capture_output=True, text=True)
    said = linked.stdout + linked.stderr
    is_static = "statically linked" in said or "not a dynamic executable" in said
    if is_static:
        return [f"manylinux_2_17_{arch}", f"manylinux2014_{arch}", f"musllinux_1_1_{arch}"]
    return [f"linux_{arch}"]


def main(program: Path, out: Path) -> None:
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    version = said.stdout.split()[1]
    root = Path(__file__).resolve().parent.parent
    # Zip knows no year before 1980; the same program makes the same wheel.
    os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")
    platforms = tags(program)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"mailtrace-{version}-py3-none-{'.'.join(platforms)}.whl"
    info = f"mailtrace-{version}.dist-info"
    with WheelFile(path, "w") as wheel:
        wheel.write(str(program), f"mailtrace-{version}.data/scripts/mailtrace")
        readme = (root / "README.md").read_text()
        wheel.writestr(f"{info}/METADATA", METADATA.format(version=version, readme=readme))
        wheel.write(str(root / "LICENSE"), f"{info}/licenses/LICENSE")
        known = "".join(f"Tag: py3-none-{it}\n" for it in platforms)
        wheel.writestr(f"{info}/WHEEL", WHEEL + known)
    print(path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
