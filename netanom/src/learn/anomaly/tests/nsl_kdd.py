"""scikit-learn 1.9.1 on NSL-KDD Train+, as `netanom evaluate --folds 5 --kind …` does it: each fold's rows are scored by what
was fitted to the normal rows of the others. Prints the mean ROC-AUC, and CPU seconds to fit and to score a fold.

    zstd -dc KDDTrain+.txt.zst > train.csv
    python3 -m venv peers && peers/bin/pip install scikit-learn==1.9.1
    peers/bin/python nsl_kdd.py train.csv [KIND ...]

Numbers are standardised and words become a column each, which is the usual way. The one-class SVM and the local outlier
factor get a sample of the rows where all would take hours.
"""
import csv
import sys
import time

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import OneClassSVM

FOLDS, WORDS = 5, [1, 2, 3]
rows = list(csv.reader(open(sys.argv[1])))
y = np.array([row[41] != "normal" for row in rows])
numbers = np.array([[float(v) for i, v in enumerate(row[:41]) if i not in WORDS] for row in rows])
words = np.array([[row[i] for i in WORDS] for row in rows])
fold = np.zeros(len(rows), int)
for label in (False, True):
    fold[y == label] = np.arange((y == label).sum()) % FOLDS


def squares(a, b):
    return ((a - b) ** 2).sum(1)


def pca(fit):
    plane = PCA(0.9, svd_solver="full").fit(fit)
    return lambda rows: squares(plane.inverse_transform(plane.transform(rows)), rows)


def network(fit):
    one = MLPRegressor(hidden_layer_sizes=(16, 8, 16), activation="tanh", batch_size=256, max_iter=15, random_state=1)
    one.fit(fit, fit)
    return lambda rows: squares(one.predict(rows), rows)


def centres(fit):
    one = KMeans(32, n_init=4, random_state=1).fit(fit)
    return lambda rows: one.transform(rows).min(1)


def scored(one):
    return lambda rows: -one.score_samples(rows)


KINDS = {
    "pca": pca,
    "k-means": centres,
    "isolation-forest": lambda fit: scored(IsolationForest(random_state=1).fit(fit)),
    "autoencoder": network,
    "one-class-svm": lambda fit: scored(OneClassSVM(nu=0.1, gamma="scale").fit(fit[:4096])),
    "lof": lambda fit: scored(LocalOutlierFactor(20, novelty=True).fit(fit)),
}
for kind in sys.argv[2:] or KINDS:
    areas, fits, scores = [], [], []
    for held in range(FOLDS):
        normal, test = (fold != held) & ~y, fold == held
        scaler = StandardScaler().fit(numbers[normal])
        coder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(words[normal])
        one = StandardScaler().fit(coder.transform(words[normal]))
        whole = lambda of: np.hstack([scaler.transform(numbers[of]), one.transform(coder.transform(words[of]))])
        train = whole(normal)
        np.random.default_rng(1).shuffle(train)
        begun = time.process_time()
        score = KINDS[kind](train)
        fitted = time.process_time()
        areas.append(roc_auc_score(y[test], score(whole(test))))
        fits.append(fitted - begun)
        scores.append(time.process_time() - fitted)
        print(f"{kind:17} ROC-AUC {np.mean(areas):.4f}  fit {np.mean(fits):.1f} s  score {np.mean(scores):.1f} s", flush=True)
