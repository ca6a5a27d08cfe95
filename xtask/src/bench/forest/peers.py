"""Data for the forests, and what Python's forests make of it. Run by `cargo xtask bench forest`.

    peers.py data DIR            500,000 rows to train on and 100,000 to judge
    peers.py train DIR NAME      NAME is scikit-learn, scikit-learn-intelex
    peers.py predict DIR NAME    the forest of `train scikit-learn`; also onnxruntime

Results are JSON on standard output.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

ROWS, JUDGED, FEATURES, CLASSES = 500_000, 100_000, 40, 6
TREES, DEPTH = 100, 16


def data(folder):
    """Like flows: log-normal counters, small integers, flags, six classes of very different size, some noise."""
    random = np.random.default_rng(7)
    rows = ROWS + JUDGED
    labels = random.choice(CLASSES, rows, p=[0.70, 0.12, 0.08, 0.05, 0.03, 0.02])
    hidden = random.normal(size=(rows, 6)) + random.normal(scale=3.0, size=(CLASSES, 6))[labels]
    # Each class has several kinds, so that no feature tells it alone.
    kind = random.integers(0, 5, rows)
    hidden += random.normal(scale=0.8, size=(CLASSES, 5, 6))[labels, kind]
    mixed = hidden @ random.normal(scale=0.6, size=(6, FEATURES)) + random.normal(scale=0.5, size=(rows, FEATURES))
    values = np.empty((rows, FEATURES), np.float32)
    values[:, :24] = np.exp(1.5 * mixed[:, :24])
    values[:, 24:32] = np.floor(np.exp(mixed[:, 24:32]))
    values[:, 32:] = mixed[:, 32:] > 0
    noisy = random.random(rows) < 0.003
    labels[noisy] = random.integers(0, CLASSES, noisy.sum())
    values[:ROWS].tofile(folder / "train.f32")
    values[ROWS:].tofile(folder / "judge.f32")
    labels[:ROWS].astype(np.uint8).tofile(folder / "train.u8")
    labels[ROWS:].astype(np.uint8).tofile(folder / "judge.u8")


def read(folder, name):
    values = np.fromfile(folder / f"{name}.f32", np.float32).reshape(-1, FEATURES)
    return values, np.fromfile(folder / f"{name}.u8", np.uint8)


def forest_class(name):
    if name == "scikit-learn-intelex":
        from sklearnex.ensemble import RandomForestClassifier
    else:
        from sklearn.ensemble import RandomForestClassifier
    return RandomForestClassifier


def train(folder, name):
    import joblib

    rows, labels = read(folder, "train")
    judged, truth = read(folder, "judge")
    forest = forest_class(name)(n_estimators=TREES, max_depth=DEPTH, n_jobs=2, random_state=1)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    forest.fit(rows, labels)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    forest.n_jobs = 1
    probabilities = forest.predict_proba(judged)
    joblib.dump(forest, folder / f"{name}.joblib")
    if name == "scikit-learn":
        from skl2onnx import to_onnx

        model = to_onnx(forest, judged[:1], options={id(forest): {"zipmap": False}},
                        target_opset={"": 15, "ai.onnx.ml": 3})
        names = "normal,syn_flood,udp_flood,icmp_flood,port_scan,brute_force"
        model.metadata_props.add(key="netanom.classes", value=names)
        model.metadata_props.add(key="netanom.features", value=",".join(f"f{feature}" for feature in range(FEATURES)))
        (folder / "forest.onnx").write_bytes(model.SerializeToString())
        probabilities.astype(np.float32).tofile(folder / "probabilities.f32")
    accuracy = float((probabilities.argmax(axis=1) == truth).mean())
    return {"seconds": seconds, "cpu": cpu, "accuracy": accuracy}


def predictor(folder, name):
    if name == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(folder / "forest.onnx", options, providers=["CPUExecutionProvider"])
        return lambda rows: session.run(["probabilities"], {"X": rows})
    import joblib

    if name == "scikit-learn-intelex":
        import os

        import daal4py

        daal4py.daalinit(1)
        os.environ["OMP_NUM_THREADS"] = "1"
    forest = joblib.load(folder / f"{name}.joblib")
    forest.n_jobs = 1
    return forest.predict_proba


def predict(folder, name):
    """Rows a second by batch: the best of several, as what else the machine does only adds.

    Seconds of this process alone, but for single rows, which take less than asking for those.
    """
    judged, _ = read(folder, "judge")
    call = predictor(folder, name)
    speeds = {}
    for batch in (1, 1_000, len(judged)):
        rows = np.ascontiguousarray(judged[:batch])
        call(rows)
        clock = time.perf_counter if batch == 1 else time.process_time
        best, spent = float("inf"), 0.0
        while spent < 3.0:
            begin = clock()
            call(rows)
            seconds = clock() - begin
            best, spent = min(best, seconds), spent + seconds
        speeds[str(batch)] = batch / best
    return speeds


def main():
    task, folder = sys.argv[1], Path(sys.argv[2])
    if task == "data":
        data(folder)
    elif task == "train":
        print(json.dumps(train(folder, sys.argv[3])))
    else:
        print(json.dumps(predict(folder, sys.argv[3])))


main()
