"""Exit with 1 unless exactly the named packages can be imported: `--present invkit --absent invkit_ct_astra`.

Run by `nox -s isolated` inside each package's environment, before its tests. It asks for import names and for
distributions, since an entry point left behind would still load a sibling, and for torch, which is borrowed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import sys


def problems(present: list[str], absent: list[str]) -> list[str]:
    """What contradicts the two lists, one sentence each."""
    found = [f"{name} cannot be imported" for name in [*present, "torch"] if importlib.util.find_spec(name) is None]
    found += [f"{name} can be imported" for name in absent if importlib.util.find_spec(name) is not None]
    distributions = {dist.metadata["Name"].replace("-", "_") for dist in importlib.metadata.distributions()}
    found += [f"the distribution of {name} is installed" for name in absent if name in distributions]
    for point in importlib.metadata.entry_points(group="invkit"):
        if point.module.partition(".")[0] not in present:
            found.append(f"an entry point names {point.module}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--present", nargs="*", default=[])
    parser.add_argument("--absent", nargs="*", default=[])
    options = parser.parse_args()
    found = problems(options.present, options.absent)
    for sentence in found:
        print(f"not isolated: {sentence}", file=sys.stderr)
    if not found:
        print(f"isolated: {', '.join(options.present)} present; {', '.join(options.absent) or 'no sibling'} absent")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
