"""What scikit-learn 1.9.1 makes of the rows of tests.rs, from the same numbers: prints the ROC-AUC of each kind.

    python3 -m venv peers && peers/bin/pip install scikit-learn==1.9.1 && peers/bin/python peers.py
"""
import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM


def draws(seed):
    """Numerical Recipes' generator, as tests.rs has it: 32 bits, the upper 24 are used."""
    state = seed
    while True:
        state = (1664525 * state + 1013904223) % 2**32
        yield (state >> 8) / 2**24


def rows(count, seed):
    """Eight columns: four of three kinds of traffic, their sums, and noise; every fifth row is an anomaly."""
    draw = draws(seed)
    data, labels = [], []
    for number in range(count):
        kind = int(next(draw) * 3)
        noise = [sum(next(draw) for _ in range(4)) - 2 for _ in range(6)]
        base = [kind * 2, 4 - kind, (kind % 2) * 3, kind]
        row = [b + 0.5 * n for b, n in zip(base, noise)]
        row += [row[0] + row[1] + 0.3 * noise[4], row[2] - row[3] + 0.3 * noise[5]]
        row += [sum(next(draw) for _ in range(4)) - 2 for _ in range(2)]
        if number % 5 == 4:
            # The sums no longer hold, or a column is far out.
            place = int(next(draw) * 6)
            row[place] += 4 * next(draw) * (1 if next(draw) < 0.5 else -1)
        data.append(row)
        labels.append(number % 5 == 4)
    return np.array(data, dtype=np.float32), np.array(labels)


X, y = rows(1000, 1)
T, t = rows(1000, 2)
# netanom holds a fifth out to say what scores are worth, so its peers learn from as few.
for name, normal in (("four fifths of the normal rows", X[~y][: 640]), ("all of them", X[~y])):
    scaler = StandardScaler().fit(normal)
    N, Q = scaler.transform(normal), scaler.transform(T)
    print(name)
    pca = PCA(0.9, svd_solver="full").fit(N)
    mlp = lambda s: MLPRegressor(
        hidden_layer_sizes=(4, 2, 4), activation="tanh", random_state=s, max_iter=1000
    ).fit(N, N)
    means = lambda scores: np.mean([roc_auc_score(t, scores(s)) for s in range(5)])
    for kind, auc in {
        "isolation-forest": means(lambda s: -IsolationForest(random_state=s).fit(N).score_samples(Q)),
        "lof": roc_auc_score(t, -LocalOutlierFactor(20, novelty=True).fit(N).score_samples(Q)),
        "one-class-svm": roc_auc_score(t, -OneClassSVM(nu=0.1, gamma="scale").fit(N).score_samples(Q)),
        "pca": roc_auc_score(t, ((pca.inverse_transform(pca.transform(Q)) - Q) ** 2).sum(1)),
        "k-means": means(lambda s: KMeans(32, n_init=4, random_state=s).fit(N).transform(Q).min(1)),
        "autoencoder": means(lambda s: ((mlp(s).predict(Q) - Q) ** 2).sum(1)),
    }.items():
        print(f"    {kind:17} {auc:.4f}", flush=True)
