"""What scikit-learn makes of a table on the folds that `netanom evaluate --table` makes. Run by `cargo xtask bench table`.

    peers.py SPECIFICATION      JSON: file, has_header, label, drop, normal, binary, classes, folds

The result is JSON on standard output. Every forest has 100 trees and scikit-learn's defaults, on two threads.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

ENCODERS = {
    "ordinal": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "one-hot": lambda: OneHotEncoder(handle_unknown="ignore", sparse_output=False),
}


def labels_of(column, given):
    """The classes of a label column, grouped as netanom was told."""
    labels = column.astype(str).to_numpy()
    if given["classes"]:
        of_label = {}
        for name, members in given["classes"].items():
            for label in [members] if isinstance(members, str) else members:
                of_label[label] = name
        labels = np.array([of_label[label] for label in labels])
    if given["binary"]:
        labels = np.where(labels == given["normal"], "normal", "attack")
    return labels


def validate(rows, labels, fold, encoder):
    """The verdicts on each fold by a forest of the others, and the seconds of learning and judging."""
    verdicts, seconds = np.empty(len(labels), object), 0.0
    for held in range(fold.max() + 1):
        rest = fold != held
        words = make_column_selector(dtype_include=["object", "str"])
        numbers = make_column_transformer((encoder(), words), remainder="passthrough", sparse_threshold=0)
        trained, judged = numbers.fit_transform(rows[rest]), numbers.transform(rows[~rest])
        begin = time.perf_counter()
        forest = RandomForestClassifier(100, n_jobs=2, random_state=1).fit(trained, labels[rest])
        verdicts[~rest] = forest.predict(judged)
        seconds += time.perf_counter() - begin
    return verdicts, seconds


def main():
    given = json.loads(sys.argv[1])
    table = pd.read_csv(given["file"], header=0 if given["has_header"] else None, encoding="utf-8-sig")
    if not given["has_header"]:
        table.columns = [str(place + 1) for place in range(table.shape[1])]
    labels = labels_of(table[given["label"]], given)
    # Each class is dealt to the folds in turn.
    fold = pd.Series(labels).groupby(labels).cumcount().to_numpy() % given["folds"]
    rows = table.drop(columns=[given["label"], *given["drop"]])
    # scikit-learn takes no infinity; netanom takes it for the largest number.
    largest = float(np.finfo(np.float32).max)
    rows = rows.replace([np.inf, -np.inf], [largest, -largest])
    result = {}
    for name, encoder in ENCODERS.items():
        verdicts, seconds = validate(rows, labels, fold, encoder)
        result[name] = {
            "rows": len(labels),
            "accuracy": float((verdicts == labels).mean()),
            "macro_f1": float(f1_score(labels, verdicts, average="macro")),
            "seconds": seconds,
        }
    print(json.dumps(result))


main()
