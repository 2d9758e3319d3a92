variable "name" {
  type        = string
  description = "Prefix of the names of all that is made."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "2 to 20 lower-case letters, digits and \"-\", a letter first."
  }
}

variable "location" {
  type        = string
  description = "Region that all of it is in."
  default     = "brazilsouth"

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "The name of a region, as \"brazilsouth\"."
  }
}

variable "cidr" {
  type        = string
  description = "Addresses of the network, a /16."
  default     = "10.80.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) <= 18, false)
    error_message = "An IPv4 network of 18 bits at most."
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
    size = optional(string, "Standard_D4ps_v6")
    min  = optional(number, 2)
    max  = optional(number, 8)
  })
  description = "Nodes of the cluster."
  default     = {}

  validation {
    condition     = var.nodes.min >= 2 && var.nodes.min <= var.nodes.max
    error_message = "At least two nodes, and min <= max."
  }
}

variable "zones" {
  type        = list(string)
  description = "Zones of the region."
  default     = ["1", "2", "3"]

  validation {
    condition     = length(var.zones) >= 2 && alltrue([for z in var.zones : contains(["1", "2", "3"], z)])
    error_message = "Two or three of \"1\", \"2\", \"3\"."
  }
}

variable "database" {
  type = object({
    sku            = optional(string, "GP_Standard_D4ds_v5")
    version        = optional(string, "16")
    storage_mb     = optional(number, 262144)
    retention_days = optional(number, 35)
  })
  description = "Flexible Server for PostgreSQL, in two zones."
  default     = {}

  validation {
    condition     = tonumber(var.database.version) >= 14
    error_message = "PostgreSQL 14 at least."
  }

  validation {
    condition     = var.database.retention_days >= 7 && var.database.retention_days <= 35
    error_message = "Backups are kept for 7 to 35 days."
  }
}

variable "owner_password" {
  type        = string
  sensitive   = true
  description = "Password of the schema's owner, from the bank's vault."

  validation {
    condition     = length(var.owner_password) >= 24
    error_message = "24 characters at least."
  }
}

variable "event_hubs" {
  type        = bool
  description = "Whether Event Hubs (Kafka's protocol) is made for events."
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

variable "tags" {
  type        = map(string)
  description = "Tags of everything."
  default     = {}
}
