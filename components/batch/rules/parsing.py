"""The rules that are found while a job is read, before any other rule looks at it."""

from __future__ import annotations

from components.batch.rules.rule import Rule

PARSING_RULES = {
    rule.id: rule
    for rule in (
        Rule("PARSE_UNKNOWN", "error", "P", "A field that a v1 Job does not have."),
        Rule("PARSE_ALPHA_FIELD", "error", "X", "A field that only v1alpha has."),
        Rule("PARSE_CASE_DUP", "error", "X", "A field given both in camelCase and snake_case."),
        Rule("PARSE_SHAPE", "error", "X", "A list, object or single value in place of another."),
        Rule("PARSE_TYPE", "error", "X", "A value of the wrong type or out of its type's range."),
        Rule("PARSE_ENUM", "error", "X", "A word that is none of the field's words."),
        Rule("PARSE_ENUM_NUM", "error", "X", "A number in place of an enum's word."),
        Rule("PARSE_ONEOF", "error", "X", "Two fields of which only one may be given."),
        Rule("PM_ENUM", "error", "P", "An unknown provisioning model."),
        Rule("LP_ACTION", "error", "P", "A lifecycle action that is not RETRY_TASK or FAIL_TASK."),
        Rule("TIMEOUT_FMT", "error", "P, X", "A duration that is not seconds with an `s`."),
        Rule(
            "RUN_ONEOF", "error", "P, X", "A runnable is exactly one of script, container, barrier."
        ),
        Rule("SCRIPT_ONEOF", "error", "P", "A script is a text or a path."),
        Rule("VOL_ONEOF", "error", "P", "A volume is exactly one of gcs, nfs, deviceName."),
        Rule("INST_ONEOF", "error", "P", "Instances come from a policy or from a template."),
        Rule("DISK_ONEOF", "error", "P", "An attached disk is new or existing."),
        Rule("BD_SNAPSHOT", "error", "P", "A boot disk cannot come from a snapshot."),
        Rule("PLACEHOLDER", "error", "use", "A blank that nobody filled in."),
    )
}

# Which rule speaks when two fields of a oneof are given.
ONEOF_RULES = {
    "executable": "RUN_ONEOF",
    "command": "SCRIPT_ONEOF",
    "source": "VOL_ONEOF",
    "policy_template": "INST_ONEOF",
    "attached": "DISK_ONEOF",
    "data_source": "PARSE_ONEOF",
}
ENUM_RULES = {
    "AllocationPolicy.ProvisioningModel": "PM_ENUM",
    "LifecyclePolicy.Action": "LP_ACTION",
}
