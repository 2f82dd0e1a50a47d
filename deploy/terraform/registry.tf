resource "google_artifact_registry_repository" "images" {
  repository_id = "${var.prefix}-images"
  location      = var.region
  format        = "DOCKER"
  description   = "The worker image"
  depends_on    = [google_project_service.api]
}

resource "google_artifact_registry_repository" "specs" {
  repository_id = "${var.prefix}-specs"
  location      = var.region
  format        = "KFP"
  description   = "The compiled pipelines"
  depends_on    = [google_project_service.api]
}

resource "google_artifact_registry_repository_iam_member" "images" {
  for_each   = { for name, grant in local.grants : name => grant if grant.on == "images repository" }
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = each.value.role
  member     = each.value.member
}

resource "google_artifact_registry_repository_iam_member" "specs" {
  for_each   = { for name, grant in local.grants : name => grant if grant.on == "specs repository" }
  location   = google_artifact_registry_repository.specs.location
  repository = google_artifact_registry_repository.specs.name
  role       = each.value.role
  member     = each.value.member
}
