"""The one image that every step runs in."""

# A symbolic name: compile.py replaces it with the released image, pinned by digest.
# kfp warns about image names that do not contain "python".
WORKER_IMAGE = "intent2batch-python-worker"
