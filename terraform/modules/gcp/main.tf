# An empty project to what the chart needs: a network, GKE, PostgreSQL, a topic,
# a key that encrypts them, and an identity for the pods.

locals {
  labels = merge({ application = "oof", name = var.name }, var.labels)

  apis = [
    "cloudkms.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "pubsub.googleapis.com",
    "secretmanager.googleapis.com",
    "servicenetworking.googleapis.com",
    "sqladmin.googleapis.com",
  ]
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "this" {
  for_each = toset(local.apis)

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

# the key

resource "google_kms_key_ring" "this" {
  project    = var.project
  name       = var.name
  location   = var.region
  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key" "this" {
  name            = var.name
  key_ring        = google_kms_key_ring.this.id
  rotation_period = "7776000s"
  labels          = local.labels

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_project_service_identity" "sql" {
  project = var.project
  service = "sqladmin.googleapis.com"
}

resource "google_kms_crypto_key_iam_member" "users" {
  for_each = {
    sql    = google_project_service_identity.sql.member
    pubsub = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    gke    = "serviceAccount:service-${data.google_project.this.number}@container-engine-robot.iam.gserviceaccount.com"
  }

  crypto_key_id = google_kms_crypto_key.this.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}

# the network

resource "google_compute_network" "this" {
  project                 = var.project
  name                    = var.name
  auto_create_subnetworks = false
  depends_on              = [google_project_service.this]
}

resource "google_compute_subnetwork" "this" {
  project                  = var.project
  name                     = var.name
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.cidrs.nodes
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = var.cidrs.pods
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = var.cidrs.services
  }

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "EXCLUDE_ALL_METADATA"
  }
}

resource "google_compute_router" "this" {
  project = var.project
  name    = var.name
  region  = var.region
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  project                            = var.project
  name                               = var.name
  region                             = var.region
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

resource "google_compute_global_address" "services" {
  project       = var.project
  name          = "${var.name}-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "this" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}

# the address that third parties know

resource "google_compute_address" "this" {
  project = var.project
  name    = var.name
  region  = var.region
  labels  = local.labels
}

# the cluster

resource "google_service_account" "nodes" {
  project      = var.project
  account_id   = "${var.name}-nodes"
  display_name = "nodes of ${var.name}"
}

resource "google_project_iam_member" "nodes" {
  for_each = toset([
    "roles/artifactregistry.reader",
    "roles/logging.logWriter",
    "roles/monitoring.metricWriter",
  ])

  project = var.project
  role    = each.value
  member  = google_service_account.nodes.member
}

resource "google_container_cluster" "this" {
  project             = var.project
  name                = var.name
  location            = var.region
  network             = google_compute_network.this.id
  subnetwork          = google_compute_subnetwork.this.id
  resource_labels     = local.labels
  deletion_protection = true

  remove_default_node_pool = true
  initial_node_count       = 1
  datapath_provider        = "ADVANCED_DATAPATH"
  enable_shielded_nodes    = true

  release_channel {
    channel = "STABLE"
  }

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = length(var.endpoint_cidrs) == 0
    master_ipv4_cidr_block  = var.cidrs.control
  }

  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = var.endpoint_cidrs

      content {
        cidr_block = cidr_blocks.value
      }
    }
  }

  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }

  database_encryption {
    state    = "ENCRYPTED"
    key_name = google_kms_crypto_key.this.id
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_container_node_pool" "this" {
  project  = var.project
  name     = var.name
  location = var.region
  cluster  = google_container_cluster.this.name

  autoscaling {
    min_node_count = var.nodes.min
    max_node_count = var.nodes.max
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }

  node_config {
    machine_type    = var.nodes.machine_type
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = local.labels

    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }
}

# PostgreSQL

resource "google_sql_database_instance" "this" {
  project             = var.project
  name                = var.name
  region              = var.region
  database_version    = var.database.version
  encryption_key_name = google_kms_crypto_key.this.id
  deletion_protection = var.database.delete_protection

  settings {
    edition           = "ENTERPRISE_PLUS"
    tier              = var.database.tier
    availability_type = "REGIONAL"
    disk_type         = "PD_SSD"
    disk_size         = var.database.storage
    disk_autoresize   = true
    user_labels       = local.labels

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 14

      backup_retention_settings {
        retained_backups = var.database.retained_backups
      }
    }

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    # statements hold personal data as parameters

    database_flags {
      name  = "log_parameter_max_length_on_error"
      value = "0"
    }

    maintenance_window {
      day          = 7
      hour         = 6
      update_track = "stable"
    }
  }

  depends_on = [
    google_service_networking_connection.this,
    google_kms_crypto_key_iam_member.users,
  ]
}

resource "google_sql_database" "this" {
  project  = var.project
  name     = "oof"
  instance = google_sql_database_instance.this.name
}

# events

resource "google_pubsub_topic" "this" {
  count = var.pubsub ? 1 : 0

  project                    = var.project
  name                       = "${var.name}-events"
  kms_key_name               = google_kms_crypto_key.this.id
  message_retention_duration = "604800s"
  labels                     = local.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_kms_crypto_key_iam_member.users]
}

resource "google_pubsub_subscription" "this" {
  count = var.pubsub ? 1 : 0

  project                 = var.project
  name                    = "${var.name}-events"
  topic                   = google_pubsub_topic.this[0].id
  enable_message_ordering = true
  ack_deadline_seconds    = 60
  labels                  = local.labels

  expiration_policy {
    ttl = ""
  }
}

# the pods' identity: what they may do is send events

resource "google_service_account" "pods" {
  project      = var.project
  account_id   = "${var.name}-pods"
  display_name = "pods of ${var.name}"
}

resource "google_service_account_iam_member" "pods" {
  service_account_id = google_service_account.pods.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project}.svc.id.goog[${var.namespace}/${var.service_account}]"

  depends_on = [google_container_cluster.this]
}

resource "google_pubsub_topic_iam_member" "pods" {
  count = var.pubsub ? 1 : 0

  project = var.project
  topic   = google_pubsub_topic.this[0].name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.pods.member
}
