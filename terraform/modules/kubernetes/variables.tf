variable "release" {
  type        = string
  description = "Name of the Helm release."
  default     = "oof"
}

variable "namespace" {
  type        = string
  description = "Namespace of the release, which is made."
  default     = "open-finance"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "A name as Kubernetes has them."
  }
}

variable "chart" {
  type        = string
  description = "The chart: a folder, or its name in a repository."
}

variable "values" {
  type        = list(string)
  description = "YAML texts of values, later ones count more; as in \"helm -f\"."
}

variable "image" {
  type = object({
    repository = string
    tag        = optional(string, "")
    digest     = optional(string, "")
  })
  description = "The image, in the bank's own registry."

  validation {
    condition     = var.image.tag != "latest" && (var.image.digest == "" || can(regex("^sha256:[0-9a-f]{64}$", var.image.digest)))
    error_message = "A tag that is of a version, or a digest."
  }
}

variable "service_account_annotations" {
  type        = map(string)
  description = "The cloud's words for the pods' identity: an output of its module."
  default     = {}
}

variable "load_balancer" {
  type = object({
    annotations = optional(map(string), {})
    role        = optional(string, "gateway")
  })
  description = "The cloud's words for a balancer of TCP, and the role that it leads to."
  default     = {}
}

variable "secrets" {
  type        = map(map(string))
  sensitive   = true
  description = "Secrets that are made: name, then key and value. Empty where a secrets operator brings them, which is better: what is here is in Terraform's state."
  default     = {}
}

variable "timeout" {
  type        = number
  description = "Seconds that a release may take, its migration included."
  default     = 1200

  validation {
    condition     = var.timeout >= 60
    error_message = "A minute at least."
  }
}

variable "database_operator" {
  type = object({
    enabled       = optional(bool, false)
    name          = optional(string, "oof-database")
    instances     = optional(number, 3)
    storage       = optional(string, "200Gi")
    storage_class = optional(string)
    image         = optional(string)
  })
  description = "On premise: a PostgreSQL of the operator CloudNativePG, which is there. Else the database is outside."
  default     = {}

  validation {
    condition     = var.database_operator.instances >= 2
    error_message = "Two instances at least: an acknowledged payment must survive one."
  }
}
