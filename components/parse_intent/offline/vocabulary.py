"""The fixed words that the offline reader knows: spellings, numbers, places, GPUs, programs."""

from __future__ import annotations


def words(text: str) -> list[str]:
    """The words of a list that is written as running text."""
    return text.split()


# Words whose misspellings are mended (one slip in six letters or more, see normal.py).
KEYWORDS = frozenset(
    words("""
    tasks parallel parallelism concurrently concurrent simultaneously together sequentially order
    attempts attempt retries retried retrying interrupted interruption interruptible preempted
    preemption preemptions preemptible demand reserved reservation standard provisioning
    container containers docker image images entrypoint command commands script scripts argument
    arguments bucket buckets mount mounted mounting volume volumes storage persistent existing
    attach attached scratch filestore memory cores processors processor machine machines instance
    instances template templates accelerator accelerators drivers driver install installed
    timeout duration maximum minimum minutes minute hours hour seconds second limit
    region regions zone zones location network subnetwork subnet external internal address
    addresses service account environment variable variables secret secrets password username
    labels labelled label priority notification notifications notify publish message topic topics
    logging reservation collocated placement barrier background ignore always failure failed
    fails cleanup finally between capacity streaming gigabytes gigabyte megabytes megabyte
    already switch instead remove change please update double halve replace index already
    exactly separate separately untrusted running execute platform
    """)
)

SHORT_KEYWORDS = (
    "spot",
    "task",
    "tasks",
    "cores",
    "disk",
    "disks",
    "mount",
    "image",
    "label",
    "retry",
    "time",
    "type",
    "same",
    "once",
    "each",
    "zone",
    "hours",
)

# Words that are one slip away from a keyword but are words of their own.
OWN_WORDS = frozenset(
    words("""
    mounts mountain images imagine images labeled labelled scripted hourly minute network networks
    attached attaches retire retires second seconds secondly limits limited orders ordered
    standards memorial machined serviced account accounts accounting failing failover instants
    reserve reserves regional zoned tasked taste toasts topical messages finale final commanded
    container drive drives
    """)
)

# Common short hands and slips that are too short or too far off for the general rule.
SHORTHAND = {
    "pls": "please",
    "plz": "please",
    "w/": "with",
    "w/o": "without",
    "dont": "don't",
    "doesnt": "doesn't",
    "cant": "can't",
    "wont": "won't",
    "shouldnt": "shouldn't",
    "isnt": "isn't",
    "arent": "aren't",
    "mustnt": "mustn't",
    "thats": "that's",
    "mins": "minutes",
    "hrs": "hours",
    "secs": "seconds",
    "env": "environment",
    "envs": "environments",
    "envvar": "environment variable",
    "vars": "variables",
    "var": "variable",
    "mem": "memory",
    "cmd": "command",
    "cmds": "commands",
    "args": "arguments",
    "arg": "argument",
    "params": "arguments",
    "prio": "priority",
    "img": "image",
    "dir": "directory",
    "directory": "directory",
    "sa": "service account",
    "tmpl": "template",
    "proc": "processor",
    "swich": "switch",
    "rn": "right now",
    "hors": "hours",
    "houres": "hours",
    "huors": "hours",
    "hous": "hours",
    "minuets": "minutes",
    "secounds": "seconds",
    "premptions": "preemptions",
    "premptible": "preemptible",
    "preemptable": "preemptible",
    "preemptibles": "preemptible",
    "retrys": "retries",
    "tsk": "task",
    "taks": "tasks",
    "tassk": "task",
    "tsaks": "tasks",
    "taksk": "tasks",
    "bukcet": "bucket",
    "paralel": "parallel",
    "parralel": "parallel",
    "paralell": "parallel",
    "parrallel": "parallel",
    "mashine": "machine",
    "machien": "machine",
    "maschine": "machine",
    "machinetype": "machine type",
    "mahcine": "machine",
    "ondemand": "on-demand",
    "max": "maximum",
    "maximal": "maximum",
    "maximally": "maximum",
    "minimal": "minimum",
    "programm": "program",
    "min.": "minutes",
    "mb": "mb",
    "mount": "mount",
    "maxx": "maximum",
    "seperate": "separate",
    "enviroment": "environment",
    "environement": "environment",
    "enviornment": "environment",
    "vcpus": "vcpu",
    "vcpu": "vcpu",
    "cpus": "cpu",
    "spots": "spot",
    "persistant": "persistent",
    "simultanously": "simultaneously",
    "simultaniously": "simultaneously",
    "concurently": "concurrently",
    "retrie": "retry",
    "rety": "retry",
    "timout": "timeout",
    "time-out": "timeout",
    "timeouts": "timeout",
    "time-outs": "timeout",
}

ONES = {
    w: i
    for i, w in enumerate(
        words(
            """
            zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
            fifteen sixteen seventeen eighteen nineteen
            """
        )
    )
}
TENS = {
    w: 10 * (i + 2)
    for i, w in enumerate(words("twenty thirty forty fifty sixty seventy eighty ninety"))
}
TENS["fourty"] = 40
SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
GROUPS = {"dozen": 12, "score": 20}

ORDINALS = {
    w: i + 1
    for i, w in enumerate(words("first second third fourth fifth sixth seventh eighth ninth"))
}

# Regions of Google Batch (its locations page); a zone is a region and a letter.
REGIONS = frozenset(
    words("""
    northamerica-northeast1 northamerica-northeast2 southamerica-east1 southamerica-west1
    us-central1 us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4
    europe-central2 europe-north1 europe-southwest1 europe-west1 europe-west2 europe-west3
    europe-west4 europe-west6 europe-west8 europe-west9 europe-west10 europe-west12
    me-central1 me-central2 me-west1 asia-east1 asia-east2 asia-northeast1 asia-northeast2
    asia-northeast3 asia-south1 asia-south2 asia-southeast1 asia-southeast2
    australia-southeast1 australia-southeast2
    """)
)

# Where Google says its regions are, and what people call them.
REGION_NICKNAMES = {
    "iowa": "us-central1",
    "council bluffs": "us-central1",
    "south carolina": "us-east1",
    "moncks corner": "us-east1",
    "northern virginia": "us-east4",
    "n. virginia": "us-east4",
    "ashburn": "us-east4",
    "columbus": "us-east5",
    "ohio": "us-east5",
    "dallas": "us-south1",
    "texas": "us-south1",
    "oregon": "us-west1",
    "the dalles": "us-west1",
    "los angeles": "us-west2",
    "salt lake city": "us-west3",
    "utah": "us-west3",
    "las vegas": "us-west4",
    "nevada": "us-west4",
    "montreal": "northamerica-northeast1",
    "montréal": "northamerica-northeast1",
    "toronto": "northamerica-northeast2",
    "sao paulo": "southamerica-east1",
    "são paulo": "southamerica-east1",
    "santiago": "southamerica-west1",
    "warsaw": "europe-central2",
    "finland": "europe-north1",
    "hamina": "europe-north1",
    "madrid": "europe-southwest1",
    "belgium": "europe-west1",
    "brussels": "europe-west1",
    "amsterdam": "europe-west4",
    "st. ghislain": "europe-west1",
    "saint-ghislain": "europe-west1",
    "london": "europe-west2",
    "england": "europe-west2",
    "frankfurt": "europe-west3",
    "netherlands": "europe-west4",
    "holland": "europe-west4",
    "groningen": "europe-west4",
    "eemshaven": "europe-west4",
    "zurich": "europe-west6",
    "switzerland": "europe-west6",
    "zürich": "europe-west6",
    "milan": "europe-west8",
    "paris": "europe-west9",
    "berlin": "europe-west10",
    "turin": "europe-west12",
    "doha": "me-central1",
    "dammam": "me-central2",
    "tel aviv": "me-west1",
    "israel": "me-west1",
    "qatar": "me-central1",
    "poland": "europe-central2",
    "spain": "europe-southwest1",
    "milano": "europe-west8",
    "torino": "europe-west12",
    "korea": "asia-northeast3",
    "south korea": "asia-northeast3",
    "chile": "southamerica-west1",
    "brazil": "southamerica-east1",
    "virginia": "us-east4",
    "quebec": "northamerica-northeast1",
    "indonesia": "asia-southeast2",
    "taiwan": "asia-east1",
    "hong kong": "asia-east2",
    "tokyo": "asia-northeast1",
    "osaka": "asia-northeast2",
    "seoul": "asia-northeast3",
    "mumbai": "asia-south1",
    "delhi": "asia-south2",
    "singapore": "asia-southeast1",
    "jakarta": "asia-southeast2",
    "sydney": "australia-southeast1",
    "melbourne": "australia-southeast2",
}

# What people call the only region of a country; countries with two need more words.
REGION_ADJECTIVES = {
    "la": "us-west2",
    "dutch": "europe-west4",
    "belgian": "europe-west1",
    "finnish": "europe-north1",
    "british": "europe-west2",
    "english": "europe-west2",
    "uk": "europe-west2",
    "swiss": "europe-west6",
    "spanish": "europe-southwest1",
    "french": "europe-west9",
    "polish": "europe-central2",
    "taiwanese": "asia-east1",
    "singaporean": "asia-southeast1",
    "indonesian": "asia-southeast2",
    "korean": "asia-northeast3",
    "israeli": "me-west1",
    "qatari": "me-central1",
    "saudi": "me-central2",
    "chilean": "southamerica-west1",
    "brazilian": "southamerica-east1",
}

# Batch's accelerator types by the names that people use; the first pattern that fits holds.
GPU_NAMES = (
    (r"(?:nvidia[ -])?(?:tesla[ -])?t4", "nvidia-tesla-t4"),
    (r"(?:nvidia[ -])?(?:tesla[ -])?p4", "nvidia-tesla-p4"),
    (r"(?:nvidia[ -])?(?:tesla[ -])?p100", "nvidia-tesla-p100"),
    (r"(?:nvidia[ -])?(?:tesla[ -])?v100", "nvidia-tesla-v100"),
    (r"(?:nvidia[ -])?(?:tesla[ -])?k80", "nvidia-tesla-k80"),
    (r"(?:nvidia[ -])?l4", "nvidia-l4"),
    (r"(?:nvidia[ -])?(?:tesla[ -])?a100[ -]?80 ?gb", "nvidia-a100-80gb"),
    (r"(?:nvidia[ -])?(?:tesla[ -])?a100(?:[ -]?40 ?gb)?", "nvidia-tesla-a100"),
    (r"(?:nvidia[ -])?h100[ -]mega(?:[ -]?80 ?gb)?", "nvidia-h100-mega-80gb"),
    (r"(?:nvidia[ -])?h100(?:[ -]?80 ?gb)?", "nvidia-h100-80gb"),
    (r"(?:nvidia[ -])?h200(?:[ -]?141 ?gb)?", "nvidia-h200-141gb"),
    (r"(?:nvidia[ -])?b200", "nvidia-b200"),
)

# GPUs that Batch attaches to a machine, and those that are part of a machine series.
GPUS_OF_N1 = frozenset(
    ("nvidia-tesla-t4", "nvidia-tesla-p4", "nvidia-tesla-p100", "nvidia-tesla-v100")
)
GPU_OF_SERIES = {
    "g2": ("nvidia-l4",),
    "a2": ("nvidia-tesla-a100", "nvidia-a100-80gb"),
    "a3": ("nvidia-h100-80gb", "nvidia-h100-mega-80gb", "nvidia-h200-141gb"),
    "a4": ("nvidia-b200",),
}
# How many of a GPU a VM can have (reference: Compute Engine GPU table).
GPU_COUNTS = {
    "nvidia-tesla-t4": (1, 2, 4),
    "nvidia-tesla-p4": (1, 2, 4),
    "nvidia-tesla-p100": (1, 2, 4),
    "nvidia-tesla-v100": (1, 2, 4, 8),
    "nvidia-l4": (1, 2, 4, 8),
    "nvidia-tesla-a100": (1, 2, 4, 8, 16),
    "nvidia-a100-80gb": (1, 2, 4, 8),
    "nvidia-h100-80gb": (1, 2, 4, 8),
    "nvidia-h100-mega-80gb": (8,),
    "nvidia-h200-141gb": (8,),
    "nvidia-b200": (8,),
}

# Programs that can begin a command line. Those that are also English words begin one only where
# an option, a path, a variable or a file name follows.
PROGRAMS = frozenset(
    words("""
    python python2 python3 pip pip3 bash sh zsh perl ruby node npm npx deno java javac julia Rscript
    php scala sbt mvn gradle cargo rustc gcc g++ gsutil gcloud bq kubectl docker podman
    ffmpeg ffprobe imagemagick magick blender povray mpirun mpiexec srun torchrun accelerate
    deepspeed conda mamba poetry uv curl wget rsync scp ssh tar gzip gunzip bzip2 unzip xz zstd
    awk sed grep jq yq xargs parallel sleep echo printf date hostname nvidia-smi apt apt-get yum
    mkdir cp mv rm ls cat chmod touch head tail wc sort uniq diff nohup timeout
    samtools bcftools bwa bowtie2 blastn blastp gatk fastqc salmon STAR hisat2 kallisto nextflow
    snakemake cromwell octave matlab vina gmx namd2 lammps lmp tesseract pandoc convert
    cd source stress stress-ng sqlite3 psql mysql make cmake time true false uname whoami pwd
    aws terraform dotnet go R tree find test split join cut paste wait seq
    """)
)
ENGLISH_PROGRAMS = frozenset(
    words("""
    time make sort find test split join cut paste wait go head tail cat parallel convert date
    source true false tree touch node blender salmon split julia ruby scala accelerate
    stress docker conda bash python java perl echo sleep R cd diff bq aws timeout poetry magick
    """)
)

# Images that people name without a tag or a registry.
PUBLIC_IMAGES = frozenset(
    words("""
    ubuntu debian alpine busybox python node golang openjdk ruby perl bash fedora
    rockylinux redis nginx postgres mysql mariadb memcached rabbitmq mongo httpd
    eclipse-temurin gcc rust php r-base julia rocker/r-ver rocker/tidyverse rocker/r-base
    curlimages/curl tensorflow/tensorflow pytorch/pytorch continuumio/miniconda3
    hello-world
    """)
)

# Options of docker run that people ask for; a container's own arguments are seldom called so.
DOCKER_OPTIONS = frozenset(
    words("""
    --ipc --shm-size --gpus --network --net --privileged --ulimit --memory --cpus --cap-add
    --cap-drop --device --runtime --user --hostname --init --security-opt --pid --tmpfs --dns
    --add-host --rm --read-only --userns --memory-swap --cpuset-cpus --group-add --sysctl
    --entrypoint --workdir --volume --env-file --mount --platform --oom-kill-disable
    """)
)

# Directories where data is mounted: a bare path below one of these is a mount, not a program.
MOUNT_ROOTS = ("/mnt", "/data", "/scratch", "/media", "/share", "/shared", "/work")
