"""How near generated images come to real ones, for any image set, without a download.

==========  ======================================================
module      concept
==========  ======================================================
classifiers small classifiers, trained once and cached: whose features are compared
frechet     Frechet distance of features
kernels     kernel distance of features
slicing     sliced Wasserstein distance
classes     classifier score, coverage of classes, total variation distance
neighbours  precision and recall, density and coverage
memorising  are samples copies of training images?
report      all of it at once, beside floor and ceilings
==========  ======================================================

Distances are of two sets of rows ``[n, d]``: features of a classifier, or pixels. None of them
draws from a global generator: the same arrays give the same figures.
"""
