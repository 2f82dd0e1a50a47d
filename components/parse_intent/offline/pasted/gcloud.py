"""`gcloud compute instances create[-with-container]` and `gcloud batch jobs submit`.

Flags: cloud.google.com/sdk/gcloud/reference/compute/instances/create and .../batch/jobs/submit.
"""

from __future__ import annotations

from components.parse_intent.draft import Asked, BootDisk, Disk, Gpus, Step
from components.parse_intent.offline.pasted.amounts import gib, gpu_name, period, place
from components.parse_intent.offline.pasted.docker_run import bind
from components.parse_intent.offline.pasted.part import Part, Pending, label, pair
from components.parse_intent.offline.pasted.script_end import command_end
from components.parse_intent.offline.pasted.shell_words import Option, options, shell_words
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import words

COMMAND = Pattern(
    r"gcloud[ \t]+(?:(?:alpha|beta)[ \t]+)?(?:compute[ \t]+instances[ \t]+create"
    r"(?:-with-container)?|batch[ \t]+jobs[ \t]+submit)(?![\w-])"
)
SWITCHES = frozenset(
    words(
        """
        --preemptible --no-address --no-external-ip-address --shielded-secure-boot --shielded-vtpm
        --shielded-integrity-monitoring --no-shielded-secure-boot --async --deletion-protection
        --no-deletion-protection --no-service-account --no-scopes --restart-on-failure
        --no-restart-on-failure --boot-disk-auto-delete --no-boot-disk-auto-delete --can-ip-forward
        --container-privileged --container-stdin --container-tty --quiet
        --enable-nested-virtualization
        --confidential-compute --container-mount-tmpfs --require-hosts-file --run-as-non-root -q
        """
    )
)
WITHOUT_FIELD = {
    "--project": "the job goes to the project that it is submitted to",
    "--scopes": "Batch VMs have the scope cloud-platform; roles of the service account decide",
    "--maintenance-policy": "Batch sets it itself",
    "--description": "a job has no description; use a label",
    "--instance-termination-action": "Batch deletes its VMs itself",
    "--private-network-ip": "Batch takes any free address",
    "--address": "a Batch VM has an address of its own",
    "--hostname": "Batch names its VMs itself",
}
OF_ITSELF = frozenset(
    words(
        """
        --async --quiet -q --format --restart-on-failure --no-restart-on-failure --job-prefix
        --boot-disk-auto-delete --boot-disk-device-name --container-restart-policy
        --container-stdin --container-tty --no-deletion-protection
        """
    )
)
MAX_OPTIONS = 200


def find(text: str) -> list[tuple[int, int]]:
    """Where such lines stand."""
    found: list[tuple[int, int]] = []
    for match in COMMAND.finditer(text):
        ticked = text[match.start() - 1 : match.start()] == "`"
        if not found or match.start() >= found[-1][1]:
            found.append((match.start(), command_end(text, match.end(), ticked)))
    return found


def read(text: str) -> Part | None:
    """One line as a partial draft: the machine, and what it runs if it says so."""
    command = COMMAND.match(text)
    line, _ = shell_words(text, command.end() if command else 0)
    given: list[Option] = []
    while line:
        some, rest = options(line, text, SWITCHES)
        given += some
        line = rest[1:]  # the VM's or job's name
    reader = _Line(given[:MAX_OPTIONS])
    reader.machine()
    reader.disks()
    reader.place()
    reader.work()
    reader.batch()
    reader.rest()
    return reader.part


class _Line:
    """The options of a line; what no method has asked for is reported."""

    def __init__(self, given: list[Option]) -> None:
        self.given = given
        self.part = Part()
        self.draft = self.part.draft
        self.asked_for: set[str] = set()

    def all(self, *names: str) -> list[Option]:
        """Options by name."""
        self.asked_for.update(names)
        return [option for option in self.given if option.name in names]

    def text(self, *names: str) -> Asked[str] | None:
        """The last option of these names."""
        found = self.all(*names)
        return Asked(value=found[-1].value, quote=found[-1].quote) if found else None

    def machine(self) -> None:
        """Machine, GPUs, provisioning, account, reservation."""
        draft = self.draft
        draft.machine_type = self.text("--machine-type")
        draft.min_cpu_platform = self.text("--min-cpu-platform")
        draft.service_account = self.text("--service-account")
        for option in self.all("--preemptible"):
            self.part.put("provisioning", "SPOT", option.quote)
        for option in self.all("--provisioning-model"):
            model = option.value.upper().replace("-", "_")
            if model in ("SPOT", "STANDARD", "FLEX_START", "RESERVATION_BOUND", "PREEMPTIBLE"):
                self.part.put("provisioning", model, option.quote)
        for option in self.all("--accelerator"):
            kind = _of(option.value, "type").rsplit("/", 1)[-1]
            count = _of(option.value, "count")
            number = int(count) if count.isdecimal() and len(count) < 4 else 1
            draft.gpus = Gpus(type=gpu_name(kind), count=number, quote=option.quote)
        reservation = self.text("--reservation")
        affinity = self.all("--reservation-affinity")
        if reservation is not None:
            draft.reservation = reservation
        elif affinity and affinity[-1].value == "none":
            self.part.put("reservation", "NO_RESERVATION", affinity[-1].quote)
        draft.instance_template = self.text("--source-instance-template")

    def disks(self) -> None:
        """Boot disk and further disks."""
        boot = BootDisk()
        for option in self.all("--boot-disk-size"):
            size = gib(option.value)
            if size:
                boot.size_gb = Asked(value=size, quote=option.quote)
        boot.type = self.text("--boot-disk-type")
        boot.image = self._image()
        if boot != BootDisk():
            self.draft.boot_disk = boot
        for option in self.all("--create-disk"):
            self._create_disk(option)
        for option in self.all("--disk"):
            self._existing_disk(option)
        for option in self.all("--local-ssd"):
            self.draft.disks.append(Disk(type="local-ssd", size_gb=375, quote=option.quote))

    def _image(self) -> Asked[str] | None:
        image, family = self.text("--image"), self.text("--image-family")
        project = self.text("--image-project")
        named = image or family
        if named is None:
            return None
        value = named.value
        if not value.startswith(("projects/", "https://")):
            kind = "" if image else "family/"
            where = f"projects/{project.value}/" if project else ""
            value = f"{where}global/images/{kind}{value}" if project else value
        return Asked(value=value, quote=named.quote)

    def _create_disk(self, option: Option) -> None:
        kind = _of(option.value, "type").rsplit("/", 1)[-1]
        if _of(option.value, "boot") == "yes":
            image, size = _of(option.value, "image"), gib(_of(option.value, "size"))
            self.draft.boot_disk = BootDisk(
                image=Asked(value=image, quote=option.quote) if image else None,
                type=Asked(value=kind, quote=option.quote) if kind else None,
                size_gb=Asked(value=size, quote=option.quote) if size else None,
            )
            return
        self.draft.disks.append(
            Disk(
                type=kind,
                size_gb=gib(_of(option.value, "size")),
                device=_of(option.value, "device-name") or _of(option.value, "name"),
                quote=option.quote,
            )
        )

    def _existing_disk(self, option: Option) -> None:
        name = _of(option.value, "name")
        zone = self.text("--zone")
        if name and "/" not in name and zone is not None:
            name = f"zones/{zone.value}/disks/{name}"
        if name:
            device = _of(option.value, "device-name")
            self.draft.disks.append(Disk(existing=name, device=device, quote=option.quote))

    def place(self) -> None:
        """Location, network, tags, labels."""
        draft = self.draft
        for option in self.all("--zone", "--location", "--region"):
            where = place(option.value)
            if where is not None:
                draft.locations = [Asked(value=where, quote=option.quote)]
            else:
                self.part.leave(option.quote, "Batch has no such region or zone")
        region = draft.locations[0].value.split("/")[1] if draft.locations else ""
        region = region.rsplit("-", 1)[0] if region[-2:-1] == "-" else region
        draft.network = _network(self.text("--network"))
        draft.subnetwork = _subnetwork(self.text("--subnet", "--subnetwork"), region)
        for option in self.all("--no-address", "--no-external-ip-address"):
            self.part.put("no_external_ip", True, option.quote)
        for option in self.all("--network-interface"):
            self._interface(option, region)
        for option in self.all("--tags"):
            draft.tags += [Asked(value=t, quote=option.quote) for t in option.value.split(",") if t]
        for option in self.all("--labels"):
            for item in option.value.split(","):
                name, _, value = item.partition("=")
                draft.job_labels.append(label(name, value, item))

    def _interface(self, option: Option, region: str) -> None:
        network, subnet = _of(option.value, "network"), _of(option.value, "subnet")
        if network:
            self.draft.network = _network(Asked(value=network, quote=option.quote))
        if subnet:
            named: Asked[str] = Asked(value=subnet, quote=option.quote)
            self.draft.subnetwork = _subnetwork(named, region)
        if "no-address" in option.value.split(","):
            self.part.put("no_external_ip", True, option.quote)

    def work(self) -> None:
        """A container, a start-up script, a script."""
        image = self.text("--container-image", "--container-image-uri")
        if image is not None:
            self._container(image)
        for option in self.all("--metadata"):
            key, _, value = option.value.partition("=")
            if key == "startup-script":
                self._script(value, option.quote)
            else:
                self.part.leave(option.quote, "a Batch job sets no metadata of its VMs")
        for option in self.all("--metadata-from-file"):
            file = _of(option.value, "startup-script") or option.value
            question = f"What is in {file}? Paste the script, or say where the VMs find it."
            self.part.wait(Pending("script", file, question))
        for option in self.all("--script-text"):
            self._script(option.value, option.quote)
        for option in self.all("--script-file-path"):
            named: Asked[str] = Asked(value=option.value, quote=option.quote)
            self.draft.steps.append(Step(kind="script", path=named))

    def _script(self, text: str, quote: str) -> None:
        body: Asked[str] = Asked(value=text.strip("\n"), quote=quote)
        self.draft.steps.append(Step(kind="script", text=body))

    def _container(self, image: Asked[str]) -> None:
        step = Step(kind="container", image=image)
        step.entrypoint = self.text("--container-command", "--container-entrypoint")
        args = self.all("--container-arg")
        given = [option.value for option in args]
        for option in self.all("--container-commands-file"):
            self.part.leave(option.quote, "I cannot see the file; give the arguments")
        if given:
            quote = " ".join(option.quote for option in args)
            step.commands = Asked(value=given, quote=quote if len(args) > 1 else args[0].quote)
        for option in self.all("--container-env"):
            step.env += [pair(item, item) for item in option.value.split(",") if "=" in item]
        for option in self.all("--container-mount-host-path"):
            source, target = _of(option.value, "host-path"), _of(option.value, "mount-path")
            mode = "ro" if _of(option.value, "mode") == "ro" else ""
            bind(source, target, mode, option.quote, step, self.part)
        for option in self.all("--container-privileged"):
            step.options = Asked(value="--privileged", quote=option.quote)
        self.draft.steps.append(step)

    def batch(self) -> None:
        """What only `gcloud batch jobs submit` has."""
        for name, field in (
            ("--task-count", "task_count"),
            ("--parallelism", "parallelism"),
            ("--task-count-per-node", "tasks_per_node"),
            ("--max-retry-count", "max_retries"),
            ("--priority", "priority"),
            ("--cpu", "cpu_milli"),
            ("--memory", "memory_mib"),
        ):
            for option in self.all(name):
                if option.value.isdecimal() and len(option.value) < 10:
                    self.part.put(field, int(option.value), option.quote)
        for option in self.all("--max-run-duration"):
            seconds = period(option.value)
            if seconds:
                self.part.put("max_run_s", seconds, option.quote)
        for option in self.all("--config"):
            question = f"What is in {option.value}? Paste the job."
            self.part.wait(Pending("script", option.value, question))

    def rest(self) -> None:
        """Report the options that have no field."""
        for option in self.given:
            if option.name not in self.asked_for | OF_ITSELF:
                why = WITHOUT_FIELD.get(option.name, "a Batch job has no such setting")
                self.part.leave(option.quote, why)


def _of(text: str, key: str) -> str:
    """A value out of key=value,key=value."""
    for item in text.split(","):
        name, _, value = item.partition("=")
        if name.strip() == key:
            return value.strip()
    return ""


def _network(named: Asked[str] | None) -> Asked[str] | None:
    if named is None or "/" in named.value:
        return named
    return Asked(value=f"global/networks/{named.value}", quote=named.quote)


def _subnetwork(named: Asked[str] | None, region: str) -> Asked[str] | None:
    if named is None or "/" in named.value or not region:
        return named
    return Asked(value=f"regions/{region}/subnetworks/{named.value}", quote=named.quote)
