"""The draft: what a person asked of a Batch job, and nothing that follows from it.

A reader (offline rules or Gemini) fills it; `build.py` turns it into a Batch v1 Job. Every field
that was asked carries the words that asked for it (`quote`), so that each field of the job can be
traced to the person's text. A field that nobody asked for stays None or empty: defaults are the
builder's work.

The shape is kept flat, with lists of named pairs in place of maps and without recursion, because
it is also the response schema of the Gemini reader.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

Provisioning = Literal["STANDARD", "SPOT", "PREEMPTIBLE", "RESERVATION_BOUND", "FLEX_START"]
StepKind = Literal["script", "container", "barrier"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Asked(_Model, Generic[T]):
    """A value and the person's words for it; `quote` is empty only where an edit derives it."""

    value: T
    quote: str = ""


class Pair(_Model):
    """A variable or a label: a name, its value, the words that gave it."""

    name: str
    value: str
    quote: str = ""


class Step(_Model):
    """One runnable of every task, in the order in which it runs.

    kind "script": `text` (the script, verbatim) or `path` (a file on the VM).
    kind "container": `image`, with `commands` as an argument list, or `text` where the person gave
    one command line to be run inside the image; the builder splits it.
    kind "barrier": nothing but perhaps a name.
    """

    kind: StepKind
    name: Asked[str] | None = None
    text: Asked[str] | None = None
    path: Asked[str] | None = None
    image: Asked[str] | None = None
    entrypoint: Asked[str] | None = None
    commands: Asked[list[str]] | None = None
    options: Asked[str] | None = Field(None, description="further docker run options")
    volumes: list[Asked[str]] = Field([], description="binds, host:container[:mode]")
    workdir: Asked[str] | None = Field(None, description="directory to run in")
    username: Asked[str] | None = None
    password: Asked[str] | None = Field(None, description="projects/P/secrets/S/versions/V")
    env: list[Pair] = []
    timeout_s: Asked[int] | None = None
    main_node_only: Asked[bool] | None = Field(None, description="only on node 0 of several VMs")
    background: Asked[bool] | None = None
    always_run: Asked[bool] | None = None
    ignore_exit_status: Asked[bool] | None = None
    block_external_network: Asked[bool] | None = None
    image_streaming: Asked[bool] | None = None


class Gpus(_Model):
    """GPUs on each VM: Batch's type name, e.g. nvidia-tesla-t4, and how many."""

    type: str
    count: int = 1
    quote: str = ""


class BootDisk(_Model):
    """The boot disk of each VM."""

    image: Asked[str] | None = None
    type: Asked[str] | None = None
    size_gb: Asked[int] | None = None


class Disk(_Model):
    """A further disk: new (type, size_gb) or existing (its resource name), perhaps mounted.

    type is Batch's name (pd-balanced, pd-ssd, local-ssd, ...); device is empty where unnamed.
    """

    type: str = ""
    size_gb: int | None = None
    existing: str = ""
    device: str = ""
    mount: str = ""
    options: list[str] = []
    quote: str = ""


class Volume(_Model):
    """Storage that every task sees.

    gcs: remote is BUCKET or BUCKET/dir. nfs: remote is SERVER:/path. device: remote is the device
    name of a disk that an instance template brings. mount is empty where the person gave none.
    """

    kind: Literal["gcs", "nfs", "device"]
    remote: str
    mount: str = ""
    options: list[str] = []
    quote: str = ""


class TaskEnvironment(_Model):
    """Variables of one task of the array (index counts from 0)."""

    index: int
    variables: list[Pair]


class RetryPolicy(_Model):
    """What to do with a task that ends with one of these exit codes."""

    action: Literal["RETRY_TASK", "FAIL_TASK"]
    exit_codes: list[int]
    quote: str = ""


class Notification(_Model):
    """A Pub/Sub message on a change of state; state is empty for every change."""

    topic: str
    about: Literal["job", "task"] = "job"
    state: str = ""
    quote: str = ""


class Logs(_Model):
    """Where the tasks' output goes: Cloud Logging, a path on the VM (a mount), or nowhere."""

    destination: Literal["cloud", "path", "none"]
    path: str = ""
    quote: str = ""


class Draft(_Model):
    """What was asked of one Batch job. Units are in the names: _s seconds, _gb GB, cpu milli."""

    steps: list[Step] = []
    task_count: Asked[int] | None = None
    parallelism: Asked[int] | None = Field(None, description="tasks that may run at once")
    tasks_per_node: Asked[int] | None = None
    in_order: Asked[bool] | None = Field(None, description="one task after another, by index")
    require_hosts_file: Asked[bool] | None = None
    permissive_ssh: Asked[bool] | None = None
    run_as_non_root: Asked[bool] | None = None

    cpu_milli: Asked[int] | None = Field(None, description="a task's CPU, 1000 = one vCPU")
    memory_mib: Asked[int] | None = Field(None, description="a task's memory")
    max_retries: Asked[int] | None = None
    retry_policies: list[RetryPolicy] = []
    max_run_s: Asked[int] | None = Field(None, description="time limit of a whole task")
    env: list[Pair] = []
    secret_env: list[Pair] = Field([], description="values are projects/P/secrets/S/versions/V")
    task_envs: list[TaskEnvironment] = []
    volumes: list[Volume] = []

    machine_type: Asked[str] | None = None
    machine_series: Asked[str] | None = Field(
        None, description="series of machines where no type is named, e.g. n2d"
    )
    min_cpu_platform: Asked[str] | None = None
    gpus: Gpus | None = None
    install_gpu_drivers: Asked[bool] | None = None
    install_ops_agent: Asked[bool] | None = None
    block_project_ssh_keys: Asked[bool] | None = None
    provisioning: Asked[Provisioning] | None = None
    boot_disk: BootDisk | None = None
    disks: list[Disk] = []
    instance_template: Asked[str] | None = None
    reservation: Asked[str] | None = None
    collocated: Asked[bool] | None = Field(None, description="VMs placed close together")

    locations: list[Asked[str]] = Field([], description="regions/R or zones/Z")
    network: Asked[str] | None = None
    subnetwork: Asked[str] | None = None
    no_external_ip: Asked[bool] | None = None
    tags: list[Asked[str]] = Field([], description="network tags")
    service_account: Asked[str] | None = None

    job_labels: list[Pair] = []
    vm_labels: list[Pair] = []
    priority: Asked[int] | None = None
    logs: Logs | None = None
    notifications: list[Notification] = []

    questions: list[str] = Field([], description="what must be answered before a job can be built")
    refusals: list[str] = Field([], description="why the ask cannot or must not be met")
    unread: list[str] = Field([], description="words of the person that reached no field")
