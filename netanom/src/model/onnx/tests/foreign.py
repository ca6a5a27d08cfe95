"""Writes foreign/*.onnx and foreign.json beside itself: models of scikit-learn, XGBoost and LightGBM as their converters write
them, and what ONNX Runtime says of random, extreme and missing values (the fixtures of ../tests/foreign.rs). With a number,
makes so many sets of other seeds in the folder that is named after it, for a longer look:

    pip install scikit-learn==1.9.1 skl2onnx==1.20.0 onnxmltools==1.16.0 onnxruntime==1.32.0 xgboost==3.2.0 lightgbm==4.7.0
    python foreign.py [SETS FOLDER]
"""

import json
import sys
import warnings
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import xgboost
from onnx import numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

WIDTH = 6
OPSET = {"": 15, "ai.onnx.ml": 3}
EXTREMES = [np.nan, 0.0, -0.0, 1e-40, -1e-40, 3.4028235e38, -3.4028235e38, 1e10, -1e10]


def data(random):
    """Rows of two informative columns and more, words as labels; some values are coarse, so that rows meet thresholds."""
    rows = random.normal(size=(240, WIDTH)).astype(np.float32)
    rows[:, 2:4] = np.round(rows[:, 2:4], 1)
    score = rows[:, 0] + rows[:, 2] * rows[:, 1]
    labels = np.array(["normal", "port_scan", "syn_flood"])[np.digitize(score, [-0.4, 0.7])]
    return rows, labels


def gaps(random, rows):
    rows = rows.copy()
    rows[random.random(rows.shape) < 0.15] = np.nan
    return rows


def judged(random, rows):
    """What the models are asked: rows like those of training, some with gaps, some with extreme values."""
    some = rows[random.choice(len(rows), 24)].copy()
    some[8:16] = gaps(random, some[8:16])
    wild = random.random((8, WIDTH)) < 0.5
    some[16:][wild] = random.choice(EXTREMES, wild.sum()).astype(np.float32)
    return some


def forest(random, kind=RandomForestClassifier, **settings):
    settings = {"n_estimators": 4, "max_depth": 4, "random_state": int(random.integers(1 << 30))} | settings
    return kind(**settings)


def sklearn(model, rows, labels, zipmap=False):
    model.fit(rows, labels)
    options = {id(model): {"zipmap": zipmap}}
    return to_onnx(model, rows[:1], options=options, target_opset=OPSET)


def turned(model):
    """The same forest in ONNX's other words: x < v for x <= v and the like."""
    for node in model.graph.node:
        named = {one.name: one for one in node.attribute}
        if "nodes_modes" not in named:
            continue
        modes, values = named["nodes_modes"].strings, named["nodes_values"].floats
        true, false = named["nodes_truenodeids"].ints, named["nodes_falsenodeids"].ints
        gap = named["nodes_missing_value_tracks_true"].ints
        for at in range(len(modes)):
            if modes[at] != b"BRANCH_LEQ" or at % 4 == 0:
                continue
            above = float(np.nextafter(np.float32(values[at]), np.float32(np.inf)))
            if at % 4 == 1:
                modes[at], values[at] = b"BRANCH_LT", above
            else:
                modes[at] = b"BRANCH_GT" if at % 4 == 2 else b"BRANCH_GTE"
                values[at] = values[at] if at % 4 == 2 else above
                true[at], false[at] = false[at], true[at]
            gap[at] = int(at % 3 == 0)
    return model


def wide(model):
    """Rows, thresholds and weights of 64 bits."""
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    for opset in model.opset_import:
        if opset.domain == "ai.onnx.ml":
            opset.version = 3
    for node in model.graph.node:
        for one in list(node.attribute):
            if one.name in ("nodes_values", "class_weights"):
                numbers = np.array(one.floats, np.float64) + (1e-10 if one.name == "nodes_values" else 0)
                node.attribute.remove(one)
                tensor = numpy_helper.from_array(numbers, one.name)
                node.attribute.append(onnx.helper.make_attribute(one.name + "_as_tensor", tensor))
    return model


def named(model):
    """Columns that come one by one, as converters of data frames write them."""
    old = model.graph.input[0].name
    del model.graph.input[:]
    names = [f"column_{at}" for at in range(WIDTH)]
    for name in names:
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 1]))
    model.graph.node.insert(0, onnx.helper.make_node("Concat", names, [old], axis=1))
    return model


def relabelled(model):
    """Numbers as labels that an operator behind the trees turns into words."""
    words = numpy_helper.from_array(np.array(["syn_flood", "normal", "port_scan"], object), "words")
    model.graph.initializer.append(words)
    model.graph.node.append(
        onnx.helper.make_node("ArrayFeatureExtractor", ["words", "label"], ["word"], domain="ai.onnx.ml")
    )
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("word", onnx.TensorProto.STRING, [None, None]))
    return model


def models(random):
    """Each name with a model."""
    rows, labels = data(random)
    missing = gaps(random, rows)
    numbers = np.unique(labels, return_inverse=True)[1]
    two = (labels == "normal").astype(int)
    kbest = SelectKBest(k=3).fit(rows, labels)
    yield "forest", sklearn(forest(random), rows, labels)
    yield "forest_zipmap", sklearn(forest(random), rows, labels, zipmap=True)
    yield "forest_numbers", sklearn(forest(random), rows, numbers)
    yield "forest_binary", sklearn(forest(random), rows, two)
    yield "forest_gaps", sklearn(forest(random), missing, labels)
    yield "forest_stump", sklearn(forest(random, max_depth=1, n_estimators=1), rows, labels)
    yield "tree", sklearn(DecisionTreeClassifier(max_depth=5), rows, labels)
    yield "extra_trees", sklearn(forest(random, ExtraTreesClassifier), rows, labels)
    yield "selected", sklearn(make_pipeline(kbest, forest(random)), rows, labels)
    yield "standard", sklearn(make_pipeline(StandardScaler(), forest(random)), rows, labels)
    yield "robust_selected", sklearn(make_pipeline(RobustScaler(), SelectKBest(k=4), forest(random)), rows, labels)
    yield "min_max", sklearn(make_pipeline(MinMaxScaler(), forest(random)), rows, labels)
    yield "filled", sklearn(make_pipeline(SimpleImputer(), forest(random)), missing, labels)
    yield "filled_scaled", sklearn(
        make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), forest(random)), missing, labels
    )
    yield "scaled_filled", sklearn(make_pipeline(StandardScaler(), SimpleImputer(), forest(random)), missing, labels)
    parts = ColumnTransformer([("a", StandardScaler(), [4, 0]), ("b", "passthrough", [2])])
    yield "column_transformer", sklearn(make_pipeline(parts, forest(random)), rows, labels)
    yield "turned", turned(sklearn(forest(random), rows, labels))
    yield "wide", wide(sklearn(forest(random), rows, labels))
    yield "named", named(sklearn(forest(random), rows, labels))
    yield "relabelled", relabelled(sklearn(forest(random), rows, numbers))
    # Refused from here on.
    yield "gradient_boosting", sklearn(forest(random, GradientBoostingClassifier, n_estimators=2, max_depth=2), rows, labels)
    yield "normalized", sklearn(make_pipeline(Normalizer(), forest(random, n_estimators=1)), rows, labels)
    calibrated = CalibratedClassifierCV(forest(random, n_estimators=1, max_depth=2), cv=2, ensemble=False)
    yield "calibrated", sklearn(calibrated, rows, labels)
    bagged = BaggingClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=2)
    yield "bagged", sklearn(bagged, rows, labels)
    initial = [("input", FloatTensorType([None, WIDTH]))]
    boosted = xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(missing, numbers)
    yield "xgboost", onnxmltools.convert_xgboost(boosted, initial_types=initial, target_opset=15)
    light = lightgbm.LGBMClassifier(n_estimators=2, max_depth=2, verbose=-1).fit(missing, numbers)
    yield "lightgbm", onnxmltools.convert_lightgbm(light, initial_types=initial, target_opset=15, zipmap=False)
    random_light = lightgbm.LGBMClassifier(
        boosting_type="rf", bagging_freq=1, bagging_fraction=0.5, n_estimators=2, max_depth=2, verbose=-1
    )
    light = random_light.fit(missing, two)
    yield "lightgbm_forest", onnxmltools.convert_lightgbm(light, initial_types=initial, target_opset=15, zipmap=False)


def asked(model, rows):
    """What ONNX Runtime says."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    if inputs[0].type == "tensor(double)":
        rows = rows.astype(np.float64)
    if len(inputs) == 1:
        given = {inputs[0].name: rows}
    else:
        given = {one.name: rows[:, [at]] for at, one in enumerate(inputs)}
    label, probabilities = session.run(None, given)
    labels = [str(one) for one in np.asarray(label).ravel()]
    if isinstance(probabilities, list):
        probabilities = np.array([list(one.values()) for one in probabilities])
    return labels, np.asarray(probabilities)


def write(folder, seed):
    random = np.random.default_rng(seed)
    (folder / "foreign").mkdir(parents=True, exist_ok=True)
    rows = judged(random, data(random)[0])
    plain = [[None if np.isnan(one) else float(one) for one in row] for row in rows]
    content = {"rows": plain, "models": {}}
    for name, model in models(random):
        (folder / "foreign" / f"{name}.onnx").write_bytes(model.SerializeToString())
        labels, probabilities = asked(model, rows)
        probabilities = [[float(f"{one:.8g}") for one in row] for row in probabilities]
        content["models"][name] = {"labels": labels, "probabilities": probabilities}
    (folder / "foreign.json").write_text(json.dumps(content) + "\n")


def main():
    warnings.filterwarnings("ignore")
    if len(sys.argv) == 1:
        return write(Path(__file__).parent, 11)
    for seed in range(int(sys.argv[1])):
        write(Path(sys.argv[2]) / str(seed), 1000 + seed)


main()
