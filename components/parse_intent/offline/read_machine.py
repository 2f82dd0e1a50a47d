"""The machines: type, platform, GPUs, drivers, template, reservation, placement."""

from __future__ import annotations

import re

from components.batch.machines import families, machine_types
from components.parse_intent.draft import Asked, Gpus
from components.parse_intent.offline.page import Page
from components.parse_intent.offline.pattern import Pattern
from components.parse_intent.offline.vocabulary import GPU_NAMES

MACHINE = Pattern(
    r"(?<![\w./-])(?P<m>(?:[a-z]\d{1,2}[a-z]{0,2}-(?:standard|highmem|highcpu|megamem|ultramem"
    r"|hypermem"
    r"|ultragpu|highgpu|megagpu|edgegpu|maxgpu|custom)(?:-\d+){1,2}[gt]?(?:-(?:lssd|metal|ext))?"
    r"|e2-(?:micro|small|medium)|f1-micro|g1-small|custom-\d+-\d+))s?(?![\w-])",
    re.IGNORECASE,
)
# "an n2-standard-8 was too small", "c3-standard-4 is sold out so take e2-standard-4"
WAS = Pattern(
    r"\b(?:was|were|currently|instead of|used to (?:be|use|run)|so far|until now|normally"
    r"|usually|before"
    r"|first tried|tried|out of|short of|ran on|today we (?:use|have)|at the moment)(?: (?:on"
    r"|an?|the"
    r"|with|it))*\s*$",
    re.IGNORECASE,
)
GONE = Pattern(
    r"(?:'s)?\s*(?:vms?|machines?|1s?|instances?|nodes?)?,? ?(?:(?:that )?(?:is|are|was|were"
    r"|seems?|proved|gets?"
    r"|would be|will be)(?: (?:always|currently|all|often|just|way|far|a bit|much|now|simply))*"
    r" (?:sold out|out of stock|too|unavailable|gone|exhausted|stocked out|overkill"
    r"|(?:more )?expensive|pricey|slow"
    r"|no longer|deprecated|our old|(?:not|never)(?: (?:currently|really|quite|always))?"
    r" (?:available|enough|big enough|fast enough|to be had|allowed|an option|possible|worth"
    r"|what we))\b"
    r"|(?:isn't|aren't|wasn't|weren't) (?:available|enough|big enough|fast enough|to be had"
    r"|allowed|an option"
    r"|possible|worth|what we)\b|(?:ran|runs|run|went) out of|(?:has|have|had) (?:no|too)\b"
    r"|(?:won't|will not|can't|cannot|couldn't"
    r"|doesn't|does not|didn't) (?:do|fit|cut it|suffice|be|work|get|have|help)\b|crashed"
    r"|died|oom)",
    re.IGNORECASE,
)
PLATFORM = Pattern(
    r"\b(?:(?P<v>intel|amd|ampere)\s+)?(?P<p>ice lake|cascade lake|skylake|broadwell|haswell"
    r"|sandy bridge|ivy bridge|sapphire rapids|emerald rapids|granite rapids|rome|milan|genoa"
    r"|turin|altra)\b",
    re.IGNORECASE,
)
VENDORS = {"rome": "AMD", "milan": "AMD", "genoa": "AMD", "turin": "AMD", "altra": "Ampere"}


def read_machine_type(page: Page) -> Asked[str] | None:
    """The machine type; the last one that is not denied."""
    chosen: Asked[str] | None = None
    for match in page.find(MACHINE):
        denied = machine_denied(page, match)
        quote = page.take(*match.span())
        if denied:
            page.dropped.add("machine_type")
        else:
            chosen = chosen or Asked(value=match["m"].lower(), quote=quote)
    return chosen


def machine_denied(page: Page, match: re.Match[str]) -> bool:
    """Whether the words tell of a machine that is not, or no longer, wanted."""
    was = WAS.search(page.left(match.start(), 30)) or GONE.match(page.right(match.end(), 60))
    return page.negated(match.start()) or was is not None


SERIES = Pattern(
    r"(?<![\w./$-])(?P<s>" + "|".join(sorted(families(), key=len, reverse=True)) + r")"
    r"(?:[ -](?P<k>standard|high-?mem(?:ory)?|high-?cpu))?s?(?![\w-]|\.\w|=)",
    re.IGNORECASE,
)
OF_SERIES = Pattern(
    r"[ -](?:machines?|family|families|series|instances?|vms?|nodes?|types?|1s?\b|class|hardware"
    r"|boxes|box|generation)\b",
    re.IGNORECASE,
)
ON_SERIES = Pattern(
    r"\b(?:on|use|using|with|want|prefer(?:ably|red)?|some|family|series|machines?|vms?|take|to|be"
    r"|from|the|an?|rather|say|type|instances?)[ :=(]+$",
    re.IGNORECASE,
)


def read_series(page: Page) -> Asked[str] | None:
    """The series of machines, where it is named without a size ("on C3", "n2d machines")."""
    for match in page.find(SERIES):
        told = OF_SERIES.match(page.norm, match.end())
        alone = ON_SERIES.search(page.left(match.start(), 20)) and AT_END.match(
            page.norm, match.end()
        )
        if (told or alone) and not page.negated(match.start()):
            end = told.end() if told else match.end()
            return Asked(value=match["s"].lower(), quote=page.take(match.start(), end))
    return None


AT_END = Pattern(r"\s*(?:[.,;)\n]|$|(?:please|if|instead|for|in|and|with)\b)", re.IGNORECASE)


def in_series(machine_type: str, series: str) -> str:
    """The type of the same shape and size in another series; empty where there is none."""
    name = f"{series}-{machine_type.partition('-')[2]}"
    return name if name in machine_types() else ""


def read_platform(page: Page) -> Asked[str] | None:
    """The minimum CPU platform, by Compute Engine's name."""
    for match in page.find(PLATFORM):
        name = match["p"].lower()
        around = page.near(match.start(), 50)
        if not (match["v"] or re.search(r"\bcpu|platform|processor", around, re.I)):
            continue
        if name in VENDORS and not match["v"] and not re.search(r"platform", around, re.I):
            continue
        vendor = VENDORS.get(name, "Intel")
        value = f"{vendor} {name.title()}"
        return Asked(value=value, quote=page.take(*match.span()))
    return None


GPU = Pattern(
    r"(?<![\w/-])(?:(?:(?P<n>\d{1,3})\s*(?:x|\u00d7|\*)?\s*|(?P<w>pair of|dual|twin|quad)[ -]"
    r"|(?:x\s*)?)(?:of\s+|"
    r"those\s+|single[ -])?(?P<name>" + "|".join(p for p, _ in GPU_NAMES) + r")s?)"
    r"(?:\s+(?:gpu|card|accelerator)s?)?(?:\s*(?:x|\u00d7|:"
    r"|=)\s?(?P<after>\d{1,2})(?!\w|\.\d)|[,;]?\s*\(?(?:count[ :=]+(?P<count>\d{1,2})\b"
    r"|(?P<each>\d{1,2}) (?:of (?:them|those)\b|(?:per|on each|for each|a) (?:vm|machine|node"
    r"|task)\b"
    r"|each\b|apiece\b)))?(?![\w-])",
    re.IGNORECASE,
)
# Every GPU name of the vocabulary holds one of these.
GPU_WORD = Pattern(
    r"(?<![\w-])(?:(?P<n>\d{1,2})\s*(?:x\s*)?)?(?:nvidia\s+)?(?:gpu|accelerator)s?\b", re.I
)
PAST = Pattern(r"\b(?:used to|previously|formerly|we had|no longer)\b[^.;]*$", re.IGNORECASE)
NO_GPU = Pattern(
    r"\b(?:no|without(?: any| a)?|not? need(?: for)?(?: any| a)?|don't need(?: any"
    r"| a)?) (?:gpu|accelerator)s?\b",
    re.I,
)
DRIVERS = Pattern(
    r"\b(?:(?:gpu|nvidia|cuda|the) )?drivers?\b(?! (?:script|program|node))", re.IGNORECASE
)


def read_gpus(page: Page) -> Gpus | None:
    """The GPU type and how many of it each VM has."""
    had = page.before.gpus if page.before is not None else None
    found: list[Gpus] = []
    for match in page.find(NO_GPU):
        page.take(*match.span())
        page.dropped.add("gpus")
    for match in page.find(GPU):
        quote = page.take(*match.span())
        if page.negated(match.start()) or PAST.search(page.left(match.start(), 30)):
            page.dropped.add("gpus")
            continue
        for pattern, kind in GPU_NAMES:
            if re.fullmatch(pattern, match["name"], re.IGNORECASE):
                count = _gpu_count(match)
                several = OF_THESE.match(page.norm, match.end()) if count == 1 else None
                if several is not None:
                    quote = page.take(match.start(), several.end())
                    count = int(several["n"])
                elif not _count_is_said(match):
                    count = _gpus_of_machine(page) or count
                found.append(Gpus(type=_by_memory(page, match, kind), count=count, quote=quote))
                break
        if found and (had is None or found[-1].type != had.type):
            return found[-1]  # of "swap the T4 for a V100" the one that is new
    return found[0] if found else None


G2_GPUS = {"24": 2, "48": 4, "96": 8}


def _count_is_said(match: re.Match[str]) -> bool:
    """Whether words give the number of GPUs: "one", "2x", "a single"."""
    return any(match[name] for name in ("n", "w", "after", "count", "each")) or bool(
        re.search(r"\bsingle[ -]", match.group(), re.I)
    )


def _gpus_of_machine(page: Page) -> int:
    """How many GPUs the machine type brings; 0 where it tells nothing."""
    machine = page.draft.machine_type
    if machine is None:
        return 0
    fixed = re.fullmatch(r"a[234]-\w+-(\d{1,2})g", machine.value)
    of_g2 = re.fullmatch(r"g2-standard-(\d+)", machine.value)
    return int(fixed[1]) if fixed else G2_GPUS.get(of_g2[1], 1) if of_g2 else 0


OF_THESE = Pattern(r"[^.;\n]{0,25}?[ ,(](?P<n>[248]|16) of (?:them|those|these)\b", re.IGNORECASE)
NAMED_COUNTS = {"pair of": 2, "dual": 2, "twin": 2, "quad": 4}


def _gpu_count(match: re.Match[str]) -> int:
    said = match["n"] or match["after"] or match["count"] or match["each"]
    return int(said) if said else NAMED_COUNTS.get((match["w"] or "").lower(), 1)


def _by_memory(page: Page, match: re.Match[str], kind: str) -> str:
    """The A100 of 80 GB where its memory, or its machine, tells it from the one of 40 GB."""
    if kind != "nvidia-tesla-a100":
        return kind
    around = page.left(match.start(), 10) + match.group() + page.right(match.end(), 20)
    large = re.search(r"\b80 ?gi?b?\b", around, re.I) or "a2-ultragpu" in page.norm.lower()
    return "nvidia-a100-80gb" if large else kind


def read_gpu_words(page: Page) -> list[int]:
    """Where GPUs are spoken of without a type."""
    return [m.start() for m in page.find(GPU_WORD) if not page.negated(m.start())]


def read_drivers(page: Page) -> Asked[bool] | None:
    """Whether Batch installs the GPU drivers."""
    for match in page.find(DRIVERS):
        around = page.near(match.start(), 50)
        gpu = re.search(r"gpu|nvidia|cuda", match.group() + page.left(match.start(), 30), re.I)
        if (
            not gpu
            and page.draft.gpus is None
            and not re.search(
                r"install|batch|put|with|need|have|gpu|drop|remove|no|image|already", around, re.I
            )
        ):
            continue
        quote = page.take(*match.span())
        if _dropped(page, match.start()) or re.search(
            r"already (?:in|on|has|have|there)|baked|comes? with|pre-?installed(?! (?:by"
            r"|through|via) (?:google )?batch)"
            r"|\b(?:in|on|inside|part of) (?:the|our|my) image",
            around,
            re.I,
        ):
            page.dropped.add("install_gpu_drivers")
            return Asked(value=False, quote=quote)
        return Asked(value=True, quote=quote)
    return None


def _dropped(page: Page, pos: int) -> bool:
    """Denied, or in the list of a verb for dropping ("drop the gpu and the drivers")."""
    start = max(page.sentence(pos)[0], pos - 40)
    verb = re.compile(
        r"\b(?:drop|remove|lose|get rid of|without|no|forget|delete|don't|not)\b[^.,;]{0,30}$", re.I
    )
    return page.negated(pos) or verb.search(page.norm[start:pos]) is not None


TEMPLATE_PATH = Pattern(
    r"(?:https://[\w./]*/)?(?:projects/[\w.:-]+/)?(?:global"
    r"|regions/[\w-]+)/instanceTemplates/[\w-]*\w"
)
TEMPLATE = Pattern(r"\b(?:instance|vm|machine|gce|compute)[- ]?templates?\b", re.IGNORECASE)
NAME_LIKE = Pattern(
    r"(?<![\w./@:-])(?P<n>[a-z][a-z0-9]*(?:-[a-z0-9]+)+)(?![\w/@:.-]*[/@])(?![\w-])"
)
CALLED = Pattern(
    r"^[\s:,]*(?:is |called |named |it's |the name is )*[\"']?(?P<n>[a-z][a-z0-9-]+)\b"
)
IN_PROJECT = Pattern(
    r"\b(?:in|of|from)?\s*(?:the\s+)?project\s+(?P<p>[a-z][\w-]*\w)", re.IGNORECASE
)
NOT_NAMES = Pattern(
    r"^(?:on-demand|pre-|non-|per-|re-|multi-|self-|read-|up-to|built-in|flex-start"
    r"|machine-type|no-)"
)


def read_template(page: Page) -> tuple[Asked[str] | None, bool]:
    """The instance template, and whether one was spoken of."""
    for match in page.find(TEMPLATE_PATH):
        return Asked(value=match.group(), quote=page.take(*match.span())), True
    for match in page.find(TEMPLATE):
        if page.negated(match.start()):
            continue
        start, end = page.sentence(match.start())
        for name in NAME_LIKE.finditer(page.norm, match.end(), end):
            if page.is_free(*name.span()) and not NOT_NAMES.match(name["n"]):
                return _template(page, match, name), True
        called = CALLED.match(page.norm[match.end() : end])
        if called and re.match(
            r"[\s:,]*(?:called|named|:|is |[\"'])", page.norm[match.end() : end]
        ):
            value = called["n"]
            span = (match.end() + called.start("n"), match.end() + called.end("n"))
            return Asked(value=value, quote=page.take(*span)), True
        for name in NAME_LIKE.finditer(page.norm, start, match.start()):
            if page.is_free(*name.span()) and page.norm[name.end() : match.start()].strip() == "":
                return _template(page, match, name), True
        page.take(*match.span())
        return None, True
    return None, False


def _template(page: Page, cue: re.Match[str], name: re.Match[str]) -> Asked[str]:
    page.take(*cue.span())
    quote = page.take(*name.span("n"))
    project = IN_PROJECT.search(page.sentence_text(name.start()))
    value = (
        f"projects/{project['p']}/global/instanceTemplates/{name['n']}" if project else name["n"]
    )
    return Asked(value=value, quote=quote)


RESERVATION = Pattern(
    r"\b(?:reservation|reserved capacity)(?:\s+(?:called|named|is|id"
    r"|name))*[\s:=]+[\"']?(?P<n>[a-z][\w/-]*\w)"
    r"|\b(?P<b>[a-z][a-z0-9]*-[\w-]*\w)\s+reservation\b",
    re.IGNORECASE,
)
COLLOCATED = Pattern(
    r"\b(?:col?-?locat(?:ed?|ion)|compact placement|placement:? compact|compactly placed"
    r"|placed? (?:\w+ ){0,3}(?:close|near|next)"
    r"|close together"
    r"|near each other|next to each other|same rack|close to each other)\b",
    re.IGNORECASE,
)


def read_reservation(page: Page) -> Asked[str] | None:
    """The reservation whose capacity the VMs consume."""
    for match in page.find(RESERVATION):
        group = "n" if match["n"] else "b"
        name = match[group]
        if "-" not in name and not re.search(r"called|named|is|:|=", match.group(), re.I):
            continue
        if re.fullmatch(r"in|for|of|and|bound|on|to|from|that|we|is", name, re.I) or page.negated(
            match.start()
        ):
            continue
        return Asked(value=name, quote=page.take(*match.span()))
    return None


def read_collocated(page: Page) -> Asked[bool] | None:
    """Whether the VMs stand close together."""
    for match in page.find(COLLOCATED):
        return Asked(value=not page.negated(match.start()), quote=page.take(*match.span()))
    return None
