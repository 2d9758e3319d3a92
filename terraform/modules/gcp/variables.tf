variable "name" {
  type        = string
  description = "Prefix of the names of all that is made."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "2 to 20 lower-case letters, digits and \"-\", a letter first."
  }
}

variable "project" {
  type        = string
  description = "Id of the project, which exists and has billing."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "The id of a project."
  }
}

variable "region" {
  type        = string
  description = "Region that all of it is in."
  default     = "southamerica-east1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]$", var.region))
    error_message = "The name of a region, as \"southamerica-east1\"."
  }
}

variable "cidrs" {
  type = object({
    nodes    = optional(string, "10.80.0.0/20")
    pods     = optional(string, "10.84.0.0/16")
    services = optional(string, "10.80.16.0/20")
    control  = optional(string, "10.80.32.0/28")
  })
  description = "Addresses of nodes, pods, services and the cluster's control plane."
  default     = {}

  validation {
    condition     = alltrue([for c in values(var.cidrs) : can(cidrnetmask(c))])
    error_message = "IPv4 networks."
  }
}

variable "endpoint_cidrs" {
  type        = list(string)
  description = "Addresses that may reach the cluster's API; none: from the network alone."
  default     = []

  validation {
    condition     = alltrue([for c in var.endpoint_cidrs : can(cidrnetmask(c)) && c != "0.0.0.0/0"])
    error_message = "IPv4 networks, and not the whole world."
  }
}

variable "nodes" {
  type = object({
    machine_type = optional(string, "c4a-standard-4")
    min          = optional(number, 1)
    max          = optional(number, 3)
  })
  description = "Nodes of the cluster, the counts for each zone."
  default     = {}

  validation {
    condition     = var.nodes.min >= 1 && var.nodes.min <= var.nodes.max
    error_message = "At least one node a zone, and min <= max."
  }
}

variable "database" {
  type = object({
    tier              = optional(string, "db-perf-optimized-N-2")
    version           = optional(string, "POSTGRES_16")
    storage           = optional(number, 200)
    retained_backups  = optional(number, 35)
    delete_protection = optional(bool, true)
  })
  description = "Cloud SQL for PostgreSQL, in two zones."
  default     = {}

  validation {
    condition     = can(regex("^POSTGRES_(1[4-9]|[2-9][0-9])$", var.database.version))
    error_message = "POSTGRES_14 at least."
  }
}

variable "pubsub" {
  type        = bool
  description = "Whether a topic of Pub/Sub is made for events."
  default     = true
}

variable "namespace" {
  type        = string
  description = "Namespace of the pods, for the trust of their identity."
  default     = "open-finance"
}

variable "service_account" {
  type        = string
  description = "Service account of the pods, for the trust of their identity."
  default     = "oof"
}

variable "labels" {
  type        = map(string)
  description = "Labels of everything."
  default     = {}
}
