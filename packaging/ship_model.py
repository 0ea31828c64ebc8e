"""Put a trained model among those that come with the program.

``python packaging/ship_model.py RUN [--evaluation EVAL.json]`` takes the best weights of a run
folder, stores them as halves, and writes its card, with the evaluation where one is given (the
JSON report of ``audiobench master-eval``). The run comes from ``audiobench train RECIPE``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.training.bundle import load_bundle, save_bundle

SHIPPED = Path(__file__).resolve().parent.parent / "resources" / "models"


def main() -> int:
    """Ship one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, or a bundle to write a new card for")
    parser.add_argument("--evaluation", type=Path, help="JSON report of audiobench master-eval")
    arguments = parser.parse_args()
    inside = arguments.run / "bundle"
    bundle = load_bundle(inside if inside.is_dir() else arguments.run)
    card = bundle.card.split("\n## Evaluation on recordings")[0].rstrip() + "\n"
    if arguments.evaluation is not None:
        design = str(bundle.config["model"]["variant"])
        card += evaluation_text(json.loads(arguments.evaluation.read_text("utf-8")), design)
    folder = SHIPPED / bundle.name
    save_bundle(
        folder,
        bundle.tensors,
        bundle.config,
        kind=bundle.kind,
        name=bundle.name,
        scores=bundle.scores,
        card=card,
        storage="float16",
    )
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {size / 1e6:.2f} MB, {load_bundle(folder).hash}")
    return 0


def evaluation_text(report: dict[str, Any], design: str) -> str:
    """The rows of one design, beside those of doing nothing, as a table."""
    lines = [
        "",
        "## Evaluation on recordings",
        "",
        "Songs that no training has heard, by `audiobench master-eval`. Means over cases; better",
        "than doing nothing, and worse by more than 0.3.",
        "",
        "| measure | kind | tier | reference | nothing | model | better | worse | cases |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    key = ("metric", "kind", "tier", "listening")
    nothing = {
        tuple(group[name] for name in key): group["mean"]
        for group in report["groups"]
        if group["method"] == "identity"
    }
    for group in report["groups"]:
        if group["method"] != design:
            continue
        where = tuple(group[name] for name in key)
        lines.append(
            f"| {' | '.join(where)} | {nothing.get(where, float('nan')):.2f} | {group['mean']:.2f}"
            f" | {group['better']:.0%} | {group['worse']:.0%} | {group['count']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
