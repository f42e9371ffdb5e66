"""Writes what the program is made of as a CycloneDX bill of materials.

    make_sbom.py OUT-FILE

Needs the package `cyclonedx-python-lib`. Crates that only tests and benches use are left out.
"""

import json
import os
import subprocess
import sys
import tomllib
import uuid
from datetime import datetime, timezone
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent


def cargo_metadata() -> dict:
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    command += ["--filter-platform", "x86_64-unknown-linux-gnu"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main(out: Path) -> None:
    metadata = cargo_metadata()
    packages = {it["id"]: it for it in metadata["packages"]}
    nodes = {it["id"]: it for it in metadata["resolve"]["nodes"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    sums = {(it["name"], it["version"]): it.get("checksum") for it in lock["package"]}
    licenses = LicenseFactory()

    def component(package: dict, kind: ComponentType) -> Component:
        name, version = package["name"], package["version"]
        digest = sums[name, version]
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else []
        license = package["license"]
        return Component(
            type=kind,
            name=name,
            version=version,
            bom_ref=f"{name}@{version}",
            purl=PackageURL("cargo", name=name, version=version),
            licenses=[licenses.make_from_string(license)] if license else [],
            hashes=hashes,
        )

    root = metadata["resolve"]["root"]
    # The same sources give the same bytes.
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, (ROOT / "Cargo.lock").read_text()))
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, timezone.utc)
    bom.metadata.component = component(packages[root], ComponentType.APPLICATION)
    components = {root: bom.metadata.component}
    todo = [root]
    while todo:
        identity = todo.pop()
        needed = []
        for dependency in nodes[identity]["deps"]:
            if all(it["kind"] == "dev" for it in dependency["dep_kinds"]):
                continue
            other = dependency["pkg"]
            if other not in components:
                components[other] = component(packages[other], ComponentType.LIBRARY)
                bom.components.add(components[other])
                todo.append(other)
            needed.append(components[other])
        bom.register_dependency(components[identity], needed)
    out.parent.mkdir(parents=True, exist_ok=True)
    outputter = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_5)
    outputter.output_to_file(str(out), allow_overwrite=True, indent=2)
    print(f"{out}: {len(bom.components)} components")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
