"""Mends of steps: scripts, containers, variables, retries."""

from __future__ import annotations

import re

from components.batch.exit_codes import LOST_VM, PREEMPTED
from components.batch.findings import Finding, path_parts
from components.batch.rules.containers import split_command
from components.batch.rules.rule import shown
from components.batch.rules.view import GROUP, SPEC
from components.config.bench import Bench
from components.fix_config.mend_limits import as_said, taken_out
from components.fix_config.mend_places import project_of
from components.fix_config.mend_shape import Mender

BASH = "#!/bin/bash\n"
RETRIES = 3


def bash_script(bench: Bench, finding: Finding) -> None:
    """A script with words of bash is run by bash."""
    path = path_parts(finding.path)
    bench.put(path, BASH + str(bench.get(path, "")), finding.message, certain=True,
              rule=finding.rule)  # fmt: skip


def exit_on_error(bench: Bench, finding: Finding) -> None:
    """A script that fails with the first command that fails."""
    path = path_parts(finding.path)
    text = str(bench.get(path, ""))
    first, _, rest = text.partition("\n")
    new = f"{first}\nset -e\n{rest}" if first.startswith("#!") else f"set -e\n{text}"
    bench.put(path, new, finding.message, rule=finding.rule)


def failures_count(bench: Bench, finding: Finding) -> None:
    """IgnoreExitStatus goes from the last step that works."""
    for index in range(len(bench.view.runnables) - 1, -1, -1):
        step = bench.view.runnables[index]
        if step.get("ignoreExitStatus") and not step.get("alwaysRun"):
            where = (*SPEC, "runnables", index, "ignoreExitStatus")
            bench.drop(where, finding.message, rule=finding.rule)
            return


def split_words(bench: Bench, finding: Finding) -> None:
    """A command line as separate words."""
    path = path_parts(finding.path)
    words = split_command(str(bench.get(path, "")))
    if len(words) > 1:
        bench.put(path[:-1], words, finding.message, certain=True, rule=finding.rule)


def through_shell(bench: Bench, finding: Finding) -> None:
    """A command with variables is read by a shell."""
    path = path_parts(finding.path)
    container = path[:-2]
    words = [str(word) for word in bench.get((*container, "commands"), [])]
    program = str(bench.get((*container, "entrypoint"), "") or "")
    line = " ".join([*([program] if program else []), *map(_word, words)])
    bench.put((*container, "entrypoint"), "/bin/sh", finding.message, rule=finding.rule)
    bench.put((*container, "commands"), ["-c", line], finding.message, rule=finding.rule)


def _word(word: str) -> str:
    """A word as a shell reads it back, its variables left open."""
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./${}-]+", word) or "$(" in word:
        return word
    if " " in word and re.match(r"[a-z]{2,20} ", word) and "'" not in word:
        return word  # a whole command line as one word
    escaped = re.sub(r'(["\\`])', r"\\\1", word)
    return f'"{escaped}"'


def one_program(bench: Bench, finding: Finding) -> None:
    """The arguments of an entrypoint go in front of the commands."""
    path = path_parts(finding.path)
    program, *arguments = split_command(str(bench.get(path, "")))
    commands = [str(word) for word in bench.get((*path[:-1], "commands"), [])]
    bench.put(path, program, finding.message, certain=True, rule=finding.rule)
    bench.put((*path[:-1], "commands"), [*arguments, *commands], finding.message, certain=True,
              rule=finding.rule)  # fmt: skip


def image(bench: Bench, finding: Finding) -> None:
    """An image's name in lower case, without spaces and web addresses."""
    path = path_parts(finding.path)
    value = str(bench.get(path, "") or "")
    value = re.sub(r"\s+", "", value)
    plain = re.sub(r"\A(?:[a-z]+://)?(?:hub\.docker\.com/(?:r|_)/)?", "", value.strip()).rstrip(
        "/:"
    )
    name, colon, tag = plain.rpartition(":")
    new = f"{name.lower()}:{tag}" if colon and "/" not in tag else plain.lower()
    if value and new != value:
        bench.put(path, new, finding.message, rule=finding.rule)


def open_network(bench: Bench, finding: Finding) -> None:
    """BlockExternalNetwork decides; --network goes from the options."""
    path = path_parts(finding.path)
    options = str(bench.get(path, ""))
    new = re.sub(r"(?:^|\s)--net(?:work)?(?:=|\s+)\S+", " ", options).strip()
    bench.put(path, new, finding.message, rule=finding.rule)


def secret_version(bench: Bench, finding: Finding) -> None:
    """A secret's name with a version."""
    path = path_parts(finding.path)
    value = str(bench.get(path, "") or "").strip().strip("/")
    if re.fullmatch(r"projects/[^/\s]+/secrets/[^/\s]+(?:/versions)?", value):
        new = f"{value.removesuffix('/versions')}/versions/latest"
        bench.put(path, new, f"{finding.message}; the latest version is assumed",
                  rule=finding.rule)  # fmt: skip
        return
    project = project_of(bench.job)
    if project and re.fullmatch(r"[A-Za-z0-9_-]{1,255}", value):
        new = f"projects/{project}/secrets/{value}/versions/latest"
        reason = f"{finding.message}; the job's project and the latest version are assumed"
        bench.put(path, new, reason, rule=finding.rule)


def half_credentials(bench: Bench, finding: Finding) -> None:
    """A name without password, or the other way round, is no use."""
    said = re.search(r"or remove (\w+)", finding.fix)
    if said:
        path = path_parts(finding.path)
        bench.drop((*path[:-1], said[1]), finding.message, rule=finding.rule)


def no_encryption(bench: Bench, finding: Finding) -> None:
    """Encrypted variables without key or text."""
    bench.drop(path_parts(finding.path)[:-1], finding.message, rule=finding.rule)


def variable_name(bench: Bench, finding: Finding) -> None:
    """A name that a shell can read."""
    path = path_parts(finding.path)
    name = re.sub(r"[^A-Za-z0-9_]", "_", str(path[-1]))
    name = f"_{name}" if name[:1].isdigit() else name
    bench.rename(path, name, finding.message, certain=False, rule=finding.rule)


def variables_moved(bench: Bench, finding: Finding) -> None:
    """`environments` as `environment.variables`."""
    path = path_parts(finding.path)
    value = bench.get(path)
    if isinstance(value, dict):
        bench.drop(path, finding.message, certain=True, rule=finding.rule)
        for name, text in value.items():
            bench.put((*SPEC, "environment", "variables", name), text, "moved here",
                      certain=True, rule=finding.rule)  # fmt: skip


def retry_lost_vms(bench: Bench, finding: Finding) -> None:
    """Lost VMs are retried, and nothing that was retried before is not."""
    retry_codes(bench, LOST_VM, finding.message, finding.rule)


def retry_codes(bench: Bench, codes: tuple[int, ...], reason: str, rule: str = "") -> None:
    """Retries, with a lifecycle policy for these codes beside those that it has already.

    Args:
        bench: the job.
        codes: of lost VMs.
        reason: why.
        rule: that asked for it.
    """
    view = bench.view
    policies = view.spec.get("lifecyclePolicies", [])
    where = (*SPEC, "lifecyclePolicies")
    plain = view.retries > 0 and not policies  # everything is retried already
    if view.retries == 0:
        bench.put((*SPEC, "maxRetryCount"), RETRIES, reason, rule=rule)
    if plain:
        return
    if not policies:
        policy = {"action": "RETRY_TASK", "actionCondition": {"exitCodes": list(codes)}}
        bench.put(where, [policy], reason, rule=rule)
        return
    held = list(policies[0].get("actionCondition", {}).get("exitCodes", []))
    if policies[0].get("action") == "FAIL_TASK":
        new = [code for code in held if code not in codes]
    else:
        new = [*held, *(code for code in codes if code not in held)]
    if not new:
        bench.drop(where, reason, rule=rule)
    elif new != held:
        bench.put((*where, 0, "actionCondition", "exitCodes"), new, reason, rule=rule)


def other_codes(bench: Bench, finding: Finding) -> None:
    """The codes of lost VMs beside the listed ones; what FAIL_TASK leaves out stays."""
    where = (*SPEC, "lifecyclePolicies", 0, "actionCondition", "exitCodes")
    held = bench.get(where, [])
    if str(PREEMPTED) in finding.message:
        new = [*held, *(code for code in LOST_VM if code not in held)]
        bench.put(where, new, finding.message, rule=finding.rule)


def retries_missing(bench: Bench, finding: Finding) -> None:
    """A policy that retries needs retries."""
    bench.put((*SPEC, "maxRetryCount"), RETRIES, finding.message, rule=finding.rule)


def at_once(bench: Bench, finding: Finding) -> None:
    """As many tasks at once as there are, up to the limit."""
    count = min(bench.view.task_count, 5000)
    bench.put((*GROUP, "parallelism"), count, finding.message, rule=finding.rule)


def in_front(bench: Bench, finding: Finding) -> None:
    """A last step that runs in the background runs in the foreground."""
    bench.drop(path_parts(finding.path), finding.message, rule=finding.rule)


def mounts_as_volumes(bench: Bench, finding: Finding) -> None:
    """`-v A:B` in the options as an entry of volumes."""
    path = path_parts(finding.path)
    options = str(bench.get(path, ""))
    found = re.findall(r"(?:^|\s)(?:-v|--volume)(?:=|\s+)(\S{1,400})", options)
    left = re.sub(r"(?:^|\s)(?:-v|--volume)(?:=|\s+)\S{1,400}", " ", options).strip()
    volumes = [str(v) for v in bench.get((*path[:-1], "volumes"), [])]
    if found:
        bench.put((*path[:-1], "volumes"), [*volumes, *found], finding.message, rule=finding.rule)
        if left:
            bench.put(path, left, finding.message, rule=finding.rule)
        else:
            bench.drop(path, f"{shown(options)} stands in volumes now", rule=finding.rule)


def absolute_script(bench: Bench, finding: Finding) -> None:
    """A script's file by its full path, on the one volume that there is."""
    path = path_parts(finding.path)
    file = str(bench.get(path, ""))
    mounts = sorted(bench.view.mount_paths)
    if not file.startswith("/") and len(mounts) == 1:
        new = f"{mounts[0]}/{file.removeprefix('./')}"
        bench.put(path, new, f"{finding.message}; it is looked for on the volume",
                  rule=finding.rule)  # fmt: skip


MENDERS: dict[str, Mender] = {
    "SCRIPT_SHELL": bash_script,
    "SCRIPT_ERREXIT": exit_on_error,
    "SCRIPT_PATH": absolute_script,
    "RUN_ALL_IGNORE": failures_count,
    "RUN_BG_TIMEOUT": in_front,
    "CTR_CMD_SPLIT": split_words,
    "CTR_EXPAND": through_shell,
    "CTR_ENTRYPOINT": one_program,
    "CTR_IMAGE": image,
    "CTR_BLOCK_NET": open_network,
    "CTR_CRED": half_credentials,
    "CTR_OPT_VOL": mounts_as_volumes,
    "ENV_SECRET_REF": secret_version,
    "ENV_KMS": no_encryption,
    "ENV_NAME": variable_name,
    "ENV_DEPRECATED": variables_moved,
    "SPOT_RETRY": retry_lost_vms,
    "LP_OPPOSITE": other_codes,
    "LP_NO_RETRY": retries_missing,
    "LP_TIMEOUT_RETRY": taken_out,
    "PAR_UNSET": at_once,
    "CR_BOOT_BOTH": taken_out,
    "TIMEOUT_SHORT": as_said,
}
