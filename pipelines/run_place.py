"""Where a run keeps its files, known before the run starts, to the exit task too."""

from kfp import dsl

# The job id as well, because on Kubeflow several runs may share a job name.
PIPELINE_FOLDER = "/".join(
    (
        dsl.PIPELINE_ROOT_PLACEHOLDER,
        dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
        dsl.PIPELINE_JOB_ID_PLACEHOLDER,
    )
)
