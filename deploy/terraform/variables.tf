variable "project" {
  description = "The project that everything is made in."
  type        = string
}

variable "region" {
  description = "Where the bucket and the repositories lie and pipelines run."
  type        = string
  default     = "us-central1"
}

variable "prefix" {
  description = "Begins the names of accounts, repositories and the bucket."
  type        = string
  default     = "intent2batch"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,18}$", var.prefix))
    error_message = "3 to 19 small letters, digits and hyphens, a letter first: names of accounts have at most 30 characters."
  }
}

variable "bucket" {
  description = "Name of the results bucket; empty makes it <project>-<prefix>."
  type        = string
  default     = ""
}

variable "keep_results_days" {
  description = "Days after which files in the results bucket are deleted; 0 keeps them for good."
  type        = number
  default     = 0
}

variable "people" {
  description = "Who may start runs and read results, as in [\"group:data@example.com\"]."
  type        = list(string)
  default     = []
}

variable "bigquery" {
  description = "Whether batch predictions read and write bq:// tables."
  type        = bool
  default     = false
}
