# The least that the pipelines need in a project. Who gets which role stands in one table,
# pipelines/access/roles.csv, which docs/deploy.md and `intent2batch doctor` read as well.

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0, < 8.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

locals {
  access = "${path.module}/../../pipelines/access"
  apis   = csvdecode(file("${local.access}/apis.csv"))

  # Without bq:// tables their roles are left out.
  roles = {
    for row in csvdecode(file("${local.access}/roles.csv")) :
    "${row.identity} ${row.role} ${row.on}" => row
    if row.when == "" || (row.when == "bigquery" && var.bigquery)
  }

  # Each role for each member: an account is one, people may be several.
  members = {
    pipelines = [google_service_account.pipelines.member]
    tasks     = [google_service_account.tasks.member]
    ci        = [google_service_account.ci.member]
    person    = var.people
  }
  grants = merge([
    for name, row in local.roles : {
      for number, member in local.members[row.identity] :
      "${name} ${number}" => { role = row.role, on = row.on, member = member }
    }
  ]...)
}

resource "google_project_service" "api" {
  for_each           = { for row in local.apis : row.api => row.why }
  service            = each.key
  disable_on_destroy = false # other things in the project may use it
}
