# The worker image: what every step of a pipeline runs in.
#
#   docker build --target test .                          build it and run its tests
#   docker build --tag REGION-docker.pkg.dev/P/R/worker . build it
#   docker push …                                         prints the digest for compile.py --image
#
# tests/test_worker_image.py carries out the `packages` stage in a virtual environment.

FROM python:3.11-slim AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY pyproject.toml constraints.txt ./
# The project's own dependencies, in the versions that were tested together.
RUN python3 -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt
RUN python3 -m pip install --quiet --constraint constraints.txt --requirement requirements.txt
# Of kfp the executor alone runs here, and it needs none of kfp's dependencies.
RUN python3 -m pip install --quiet --no-deps --constraint constraints.txt kfp

FROM packages AS worker
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY prompts prompts
COPY components components
RUN python3 -m compileall -q components prompts && useradd --system --no-create-home worker

FROM worker AS test
RUN python3 -m pip install --quiet --constraint constraints.txt \
    pytest pytest-xdist hypothesis openpyxl cronsim
COPY emulator emulator
COPY pipelines/__init__.py pipelines/light_kfp.py pipelines/
COPY pipelines/access pipelines/access
COPY tests tests
# Left out: tests that need kfp's compiler, the command or the benchmarks, which are not in here.
RUN python3 -m pytest -n 0 -p no:cacheprovider \
    tests/parse_intent tests/validate_config tests/decide_submission tests/submit_batch_job \
    tests/aggregate_results tests/batch tests/storage tests/tables tests/supervision \
    tests/test_reporting.py \
    --ignore=tests/submit_batch_job/test_run_step.py \
    --ignore=tests/submit_batch_job/test_signals.py \
    --ignore=tests/aggregate_results/test_aggregate_with_emulator.py \
    --deselect=tests/aggregate_results/test_aggregate_tasks.py::test_memory_does_not_grow_with_the_tasks \
    --deselect=tests/validate_config/test_step.py::test_the_component_is_documented_for_the_console

FROM worker
USER worker
