resource "google_service_account" "pipelines" {
  account_id   = "${var.prefix}-pipelines"
  display_name = "Runs the steps of the pipelines"
  depends_on   = [google_project_service.api]
}

resource "google_service_account" "tasks" {
  account_id   = "${var.prefix}-tasks"
  display_name = "Runs the tasks of Batch jobs"
  depends_on   = [google_project_service.api]
}

resource "google_service_account" "ci" {
  account_id   = "${var.prefix}-ci"
  display_name = "Builds, uploads and schedules the pipelines"
  depends_on   = [google_project_service.api]
}

resource "google_project_iam_member" "grant" {
  for_each = { for name, grant in local.grants : name => grant if grant.on == "project" }
  project  = var.project
  role     = each.value.role
  member   = each.value.member
}

resource "google_service_account_iam_member" "pipelines" {
  for_each           = { for name, grant in local.grants : name => grant if grant.on == "pipelines account" }
  service_account_id = google_service_account.pipelines.name
  role               = each.value.role
  member             = each.value.member
}

resource "google_service_account_iam_member" "tasks" {
  for_each           = { for name, grant in local.grants : name => grant if grant.on == "tasks account" }
  service_account_id = google_service_account.tasks.name
  role               = each.value.role
  member             = each.value.member
}
