"""Writes sklearn.onnx beside itself: a forest of scikit-learn over netanom's features, converted by skl2onnx (the fixture of
../onnx.rs). It learns simulated captures. The features' names are not in the file: the test writes those of the day
beside it, as a new table must not ask for a new fixture.

    pip install pandas==2.3.3 scikit-learn==1.9.1 skl2onnx==1.20.0
    python fixture.py path/to/netanom
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

NETANOM = sys.argv[1]
KINDS = {"normal": "normal", "syn-flood": "syn_flood", "port-scan": "port_scan"}


def rows(kind, folder, names):
    capture, flows = folder / f"{kind}.pcap", folder / f"{kind}.csv"
    simulate = ["simulate", kind, "--source", "10.7.0.9", "--target", "10.7.1.1", "--write", capture]
    subprocess.run([NETANOM, *simulate], check=True)
    subprocess.run([NETANOM, "replay", capture, "--flows", flows], check=True, stdout=subprocess.DEVNULL)
    return pandas.read_csv(flows)[names].head(2000)


def main():
    shown = subprocess.run([NETANOM, "model", "show", "--format", "json"], check=True, capture_output=True)
    names = json.loads(shown.stdout)["features"]
    with tempfile.TemporaryDirectory() as folder:
        parts = {kind: rows(kind, Path(folder), names) for kind in KINDS}
    table = pandas.concat(parts.values()).to_numpy("float32")
    labels = [name for kind, name in KINDS.items() for _ in range(len(parts[kind]))]
    forest = RandomForestClassifier(n_estimators=10, max_depth=4, random_state=1, class_weight="balanced")
    forest.fit(table, labels)
    model = to_onnx(
        forest,
        initial_types=[("X", FloatTensorType([None, None]))],
        options={id(forest): {"zipmap": False}},
        target_opset={"": 15, "ai.onnx.ml": 3},
    )
    (Path(__file__).parent / "sklearn.onnx").write_bytes(model.SerializeToString())


main()
