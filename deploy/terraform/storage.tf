resource "google_storage_bucket" "results" {
  name                        = coalesce(var.bucket, "${var.project}-${var.prefix}")
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Runs are kept for as long as somebody may ask what they did.
  dynamic "lifecycle_rule" {
    for_each = var.keep_results_days > 0 ? [var.keep_results_days] : []
    content {
      condition {
        age = lifecycle_rule.value
      }
      action {
        type = "Delete"
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_iam_member" "grant" {
  for_each = { for name, grant in local.grants : name => grant if grant.on == "results bucket" }
  bucket   = google_storage_bucket.results.name
  role     = each.value.role
  member   = each.value.member
}
