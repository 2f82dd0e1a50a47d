output "pipeline_root" {
  description = "For --root, INTENT2BATCH_ROOT and `root` in schedules.yaml."
  value       = "gs://${google_storage_bucket.results.name}/pipelines"
}

output "specs_repository" {
  description = "For compile.py --upload."
  value       = "https://${var.region}-kfp.pkg.dev/${var.project}/${google_artifact_registry_repository.specs.repository_id}"
}

output "images_repository" {
  description = "The worker image goes below it."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "pipelines_account" {
  description = "For --service-account of runs and schedules."
  value       = google_service_account.pipelines.email
}

output "tasks_account" {
  description = "For the service account of Batch jobs."
  value       = google_service_account.tasks.email
}

output "ci_account" {
  description = "Runs deploy/cloudbuild.yaml."
  value       = google_service_account.ci.email
}
