"""``invkit --help`` and ``invkit list`` against ``python -c "import torch"``; neither of ours imports torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from _measure import fastest, save

ROUNDS = 10
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "invkit --help": [str(Path(sys.executable).with_name("invkit")), "--help"],
    "invkit list": [str(Path(sys.executable).with_name("invkit")), "list"],
    "import torch": [sys.executable, "-c", "import torch"],
}


def main() -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    def call(arguments: list[str]) -> None:
        subprocess.run(arguments, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    seconds = fastest({name: lambda a=arguments: call(a) for name, arguments in COMMANDS.items()}, ROUNDS)
    results = {
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "invkit --help / import torch": round(seconds["invkit --help"] / seconds["import torch"], 3),
        "invkit list / import torch": round(seconds["invkit list"] / seconds["import torch"], 3),
    }
    save("startup", ("invkit", "torch", "typer", "pluggy"), results)


if __name__ == "__main__":
    main()
