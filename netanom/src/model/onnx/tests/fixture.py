"""Writes sklearn.onnx, binary.onnx and sklearn.json beside itself: a forest of scikit-learn, converted by skl2onnx, what ONNX
Runtime says of some rows, and what shap says of them (the fixtures of the tests in ../tests.rs and
../../forest/explain/tests.rs).

    pip install scikit-learn==1.9.1 skl2onnx==1.20.0 onnxruntime==1.31.1 shap==0.51.0
    python fixture.py
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import shap
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier

HERE = Path(__file__).parent
CLASSES = ["normal", "port_scan", "syn_flood"]


def covers(forest):
    """What each tree's nodes weigh, as nodes_hitrates, which skl2onnx leaves at 1."""
    return np.concatenate([tree.tree_.weighted_n_node_samples for tree in forest.estimators_])


def main():
    random = np.random.default_rng(3)
    rows = np.round(random.normal(size=(400, 5)), 2).astype(np.float32)
    labels = np.array(CLASSES)[(rows[:, 0] > 0.3).astype(int) + (rows[:, 1] * rows[:, 0] > 0.5)]
    labels[::17] = "normal"
    forest = RandomForestClassifier(n_estimators=7, max_depth=5, random_state=1).fit(rows, labels)
    assert list(forest.classes_) == CLASSES
    model = to_onnx(forest, rows[:1], options={id(forest): {"zipmap": False}}, target_opset={"": 15, "ai.onnx.ml": 3})
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_hitrates":
                attribute.floats[:] = covers(forest)
    (HERE / "sklearn.onnx").write_bytes(model.SerializeToString())
    judged = np.round(random.normal(size=(12, 5)), 2).astype(np.float32)
    session = onnxruntime.InferenceSession(HERE / "sklearn.onnx", providers=["CPUExecutionProvider"])
    probabilities = session.run(["probabilities"], {"X": judged})[0]
    explainer = shap.TreeExplainer(forest, feature_perturbation="tree_path_dependent")
    values = explainer.shap_values(judged)
    content = {
        "rows": judged.tolist(),
        "probabilities": probabilities.tolist(),
        "base": np.asarray(explainer.expected_value).tolist(),
        "shap": np.asarray(values).tolist(),
    }
    # Of two classes skl2onnx writes one.
    binary = RandomForestClassifier(n_estimators=3, max_depth=3, random_state=2).fit(rows, labels == "normal")
    model = to_onnx(binary, rows[:1], options={id(binary): {"zipmap": False}}, target_opset={"": 15, "ai.onnx.ml": 3})
    model.metadata_props.add(key="netanom.classes", value="syn_flood, normal")
    (HERE / "binary.onnx").write_bytes(model.SerializeToString())
    session = onnxruntime.InferenceSession(HERE / "binary.onnx", providers=["CPUExecutionProvider"])
    content["binary"] = session.run(["probabilities"], {"X": judged})[0].tolist()
    (HERE / "sklearn.json").write_text(json.dumps(content) + "\n")


main()
