variable "name" {
  type        = string
  description = "Prefix of the names of all that is made."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "2 to 20 lower-case letters, digits and \"-\", a letter first."
  }
}

variable "region" {
  type        = string
  description = "Region that all of it is in; personal data of the Brazilian system stays in sa-east-1 unless the bank decides otherwise."
  default     = "sa-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The name of a region, as \"sa-east-1\"."
  }
}

variable "zones" {
  type        = list(string)
  description = "Availability zones, two at least, of the region."
  default     = ["sa-east-1a", "sa-east-1b", "sa-east-1c"]

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 6 && length(distinct(var.zones)) == length(var.zones)
    error_message = "Two to six zones, each once."
  }
}

variable "cidr" {
  type        = string
  description = "Addresses of the network, a /16 to a /20."
  default     = "10.80.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "An IPv4 network of 16 to 20 bits."
  }
}

variable "kubernetes_version" {
  type        = string
  description = "Version of EKS."
  default     = "1.31"

  validation {
    condition     = can(regex("^1\\.(2[5-9]|[3-9][0-9])$", var.kubernetes_version))
    error_message = "1.25 at least, which is what the chart asks for."
  }
}

variable "endpoint_cidrs" {
  type        = list(string)
  description = "Addresses that may reach the cluster's API from outside; none: from the network alone."
  default     = []

  validation {
    condition     = alltrue([for c in var.endpoint_cidrs : can(cidrnetmask(c)) && c != "0.0.0.0/0"])
    error_message = "IPv4 networks, and not the whole world."
  }
}

variable "nodes" {
  type = object({
    instance_types = optional(list(string), ["c7g.xlarge"])
    architecture   = optional(string, "arm64")
    min            = optional(number, 2)
    max            = optional(number, 8)
    desired        = optional(number, 3)
  })
  description = "Nodes of the cluster; the image is made for amd64 and arm64."
  default     = {}

  validation {
    condition     = contains(["amd64", "arm64"], var.nodes.architecture)
    error_message = "The architecture is amd64 or arm64."
  }

  validation {
    condition     = var.nodes.min >= 2 && var.nodes.min <= var.nodes.desired && var.nodes.desired <= var.nodes.max
    error_message = "At least two nodes, and min <= desired <= max."
  }
}

variable "database" {
  type = object({
    instance_class    = optional(string, "db.m7g.large")
    engine_version    = optional(string, "16")
    storage           = optional(number, 200)
    storage_max       = optional(number, 2000)
    iops              = optional(number, 12000)
    retention_days    = optional(number, 35)
    delete_protection = optional(bool, true)
  })
  description = "RDS for PostgreSQL: gp3 storage in GiB, whose iops bound the durable commits a second."
  default     = {}

  validation {
    condition     = tonumber(split(".", var.database.engine_version)[0]) >= 14
    error_message = "PostgreSQL 14 at least."
  }

  validation {
    condition     = var.database.retention_days >= 7 && var.database.retention_days <= 35
    error_message = "Backups are kept for 7 to 35 days."
  }
}

variable "events" {
  type        = string
  description = "Where events go: sqs (a FIFO queue), sns (a FIFO topic), kafka (MSK), or none (the log and the stream of the management API)."
  default     = "sqs"

  validation {
    condition     = contains(["sqs", "sns", "kafka", "none"], var.events)
    error_message = "One of sqs, sns, kafka, none."
  }
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

variable "tags" {
  type        = map(string)
  description = "Tags of everything."
  default     = {}
}
