"""dsub command lines (github.com/DataBiosphere/dsub, `dsub --help`)."""

from __future__ import annotations

import re

from components.parse_intent.draft import Asked, BootDisk, Disk, Gpus, Pair, Step, Volume
from components.parse_intent.offline.pasted.amounts import gpu_name, period, place
from components.parse_intent.offline.pasted.part import Part, Pending, label, pair
from components.parse_intent.offline.pasted.script_end import command_end
from components.parse_intent.offline.pasted.shell_words import Option, Word, shell_words
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import words

COMMAND = Pattern(r"(?<![\w/.-])dsub[ \t\\\n]{1,200}(?=--)")
SWITCHES = frozenset(
    words(
        "--wait --dry-run --skip --block-external-network --enable-stackdriver-monitoring "
        "--use-private-address --ssh --unique-job-id --summary"
    )
)
# Options that take several values behind them.
SEVERAL = frozenset(
    words(
        "--env --label --input --output --input-recursive --output-recursive --mount --regions "
        "--zones --after --tasks --scopes"
    )
)
DEFAULT_IMAGE = "ubuntu"
DATA = "/mnt/data"  # where dsub puts the data disk (docs/code.md of dsub)
WITHOUT_FIELD = {
    "--project": "the job goes to the project that it is submitted to",
    "--after": "a Batch job does not wait for another one; submit it when that has ended",
    "--scopes": "Batch VMs have the scope cloud-platform; roles of the service account decide",
    "--log-interval": "Cloud Logging gets the output at once",
    "--user": "the submitter is recorded by Batch",
}
OF_ITSELF = frozenset(
    words("--provider --wait --dry-run --skip --poll-interval --unique-job-id --summary --name "
          "--ssh --preemptible --use-private-address --block-external-network")
)  # fmt: skip


def find(text: str) -> list[tuple[int, int]]:
    """Where dsub lines stand."""
    found: list[tuple[int, int]] = []
    for match in COMMAND.finditer(text):
        if not found or match.start() >= found[-1][1]:
            ticked = text[match.start() - 1 : match.start()] == "`"
            found.append((match.start(), command_end(text, match.end(), ticked)))
    return found


def read(text: str) -> Part | None:
    """One dsub line as a partial draft."""
    match = COMMAND.match(text)
    line, _ = shell_words(text, match.end() if match else 0)
    given = _options(line, text)
    reader = _Line(given)
    reader.step()
    reader.machine()
    reader.limits()
    reader.places()
    reader.data()
    reader.pairs()
    for option in given:
        if option.name not in reader.asked_for | OF_ITSELF:
            reader.part.leave(option.quote, WITHOUT_FIELD.get(option.name, "Batch has no such"))
    return reader.part


def _options(line: list[Word], text: str) -> list[Option]:
    """Each option once for every value."""
    found: list[Option] = []
    i = 0
    while i < len(line):
        name, equals, value = line[i].text.partition("=")
        here, i = line[i], i + 1
        if not name.startswith("--"):
            continue
        if equals:
            found.append(Option(name, value, text[here.start : here.end]))
            continue
        values: list[Word] = []
        while i < len(line) and not line[i].text.startswith("--") and name not in SWITCHES:
            if values and name not in SEVERAL:
                break
            values.append(line[i])
            i += 1
        if not values:
            found.append(Option(name, "", text[here.start : here.end]))
        for number, word in enumerate(values):
            start = word.start if number else here.start
            found.append(Option(name, word.text, text[start : word.end]))
    return found


class _Line:
    """The options of a dsub line."""

    def __init__(self, given: list[Option]) -> None:
        self.given = given
        self.part = Part()
        self.draft = self.part.draft
        self.asked_for: set[str] = set()
        self.container = Step(kind="container")

    def all(self, *names: str) -> list[Option]:
        """Options by name."""
        self.asked_for.update(names)
        return [option for option in self.given if option.name in names]

    def text(self, name: str) -> Asked[str] | None:
        """The last option of a name."""
        found = self.all(name)
        return Asked(value=found[-1].value, quote=found[-1].quote) if found else None

    def number(self, name: str, field: str, scale: int = 1) -> None:
        """Put an option's number, times a scale, into a field."""
        for option in self.all(name):
            if re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", option.value):
                self.part.put(field, round(float(option.value) * scale), option.quote)

    def step(self) -> None:
        """Image and command."""
        step = self.container
        image = self.text("--image")
        step.image = image or Asked(value=DEFAULT_IMAGE, quote="dsub")
        command, script = self.text("--command"), self.text("--script")
        if command is not None:
            step.text = Asked(value=command.value.strip("\n"), quote=command.quote)
        elif script is not None and script.value.startswith("/"):
            step.text = script
        elif script is not None:
            question = f"What is in {script.value}? Paste the script, or say where the VMs find it."
            self.part.wait(Pending("script", script.value, question))
        for option in self.all("--tasks"):
            if not re.fullmatch(r"\d+(?:-\d*)?", option.value):
                question = (
                    f"dsub runs one task for each line of {option.value}, which I cannot see: how "
                    f"many tasks are there, and which variables has each?"
                )
                self.part.wait(Pending("tasks", option.value, question))
        self.draft.steps.append(step)

    def machine(self) -> None:
        """Machine, GPUs, disks, provisioning, account."""
        draft = self.draft
        draft.machine_type = self.text("--machine-type")
        draft.min_cpu_platform = self.text("--cpu-platform")
        draft.service_account = self.text("--service-account")
        for option in self.all("--preemptible"):
            if option.value != "0":
                self.part.put("provisioning", "SPOT", option.quote)
        boot = BootDisk()
        for option in self.all("--boot-disk-size"):
            if option.value.isdecimal():
                boot.size_gb = Asked(value=int(option.value), quote=option.quote)
                draft.boot_disk = boot
        self._data_disk()
        kind, count = self.text("--accelerator-type"), self.text("--accelerator-count")
        if kind is not None:
            number = int(count.value) if count and count.value.isdecimal() else 1
            draft.gpus = Gpus(type=gpu_name(kind.value), count=number, quote=kind.quote)

    def _data_disk(self) -> None:
        size, kind = self.text("--disk-size"), self.text("--disk-type")
        if size is None and kind is None:
            return
        gb = int(size.value) if size and size.value.isdecimal() else None
        quote = (size or kind or Asked(value="", quote="")).quote
        disk = Disk(type=kind.value if kind else "", size_gb=gb, mount=DATA, quote=quote)
        self.draft.disks.append(disk)

    def limits(self) -> None:
        """CPU, memory, time, retries."""
        self.number("--retries", "max_retries")
        self.number("--min-cores", "cpu_milli", 1000)
        self.number("--min-ram", "memory_mib", 1024)
        for option in self.all("--timeout"):
            seconds = period(option.value)
            if seconds:
                self.part.put("max_run_s", seconds, option.quote)

    def places(self) -> None:
        """Regions, zones, networks."""
        draft = self.draft
        for option in self.all("--regions", "--location", "--zones"):
            for name in option.value.replace(",", " ").split():
                where = place(name.rstrip("*").rstrip("-"))
                if where is None:
                    self.part.leave(option.quote, "Batch has no such region or zone")
                elif where not in [known.value for known in draft.locations]:
                    draft.locations.append(Asked(value=where, quote=option.quote))
        draft.network = self.text("--network")
        draft.subnetwork = self.text("--subnetwork")
        for option in self.all("--use-private-address"):
            self.part.put("no_external_ip", True, option.quote)
        for option in self.all("--block-external-network"):
            self.container.block_external_network = Asked(value=True, quote=option.quote)

    def data(self) -> None:
        """Inputs, outputs and mounts: the bucket is mounted and the variable names the path there.

        dsub itself copies the files to and from a disk and sets the variable to the copy.
        """
        for option in self.all(
            "--input", "--input-recursive", "--output", "--output-recursive", "--mount"
        ):
            name, _, uri = option.value.rpartition("=")
            match = re.match(r"gs://([\w.-]+)/?(.*)", uri)
            if match is None:
                self.part.leave(option.quote, "only gs:// paths can be mounted")
                continue
            mount = f"/mnt/disks/{match[1]}"
            volume = Volume(kind="gcs", remote=match[1], mount=mount, quote=option.quote)
            if match[1] not in [have.remote for have in self.draft.volumes]:
                self.draft.volumes.append(volume)
            if name:
                path = f"{mount}/{match[2]}".rstrip("/")
                self.container.env.append(Pair(name=name, value=path, quote=option.quote))
        for option in self.all("--logging"):
            self.part.leave(option.quote, "the output goes to Cloud Logging")

    def pairs(self) -> None:
        """Variables and labels."""
        for option in self.all("--env"):
            self.container.env.append(pair(option.value, option.quote))
        for option in self.all("--label"):
            name, _, value = option.value.partition("=")
            self.draft.job_labels.append(label(name, value, option.quote))
