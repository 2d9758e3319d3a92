# A bank on Google Cloud.  First "terraform apply -target=module.cloud".

terraform {
  required_version = ">= 1.7"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.0"
    }

    helm = {
      source  = "hashicorp/helm"
      version = "~> 2.15"
    }

    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 2.33"
    }
  }
}

variable "project" {
  type        = string
  description = "Id of the project."
}

variable "image" {
  type        = string
  description = "Repository of the image in the bank's registry."
}

provider "google" {
  project = var.project
  region  = "southamerica-east1"
}

module "cloud" {
  source = "../../modules/gcp"

  name    = "bank-oof"
  project = var.project
}

data "google_client_config" "this" {}

provider "kubernetes" {
  host                   = "https://${module.cloud.cluster_endpoint}"
  cluster_ca_certificate = base64decode(module.cloud.cluster_ca)
  token                  = data.google_client_config.this.access_token
}

provider "helm" {
  kubernetes {
    host                   = "https://${module.cloud.cluster_endpoint}"
    cluster_ca_certificate = base64decode(module.cloud.cluster_ca)
    token                  = data.google_client_config.this.access_token
  }
}

module "oof" {
  source = "../../modules/kubernetes"

  chart                       = "${path.module}/../../../helm/oof"
  image                       = { repository = var.image }
  service_account_annotations = module.cloud.service_account_annotations
  load_balancer               = { annotations = module.cloud.load_balancer_annotations }

  values = [
    file("${path.module}/../../../helm/values/medium.yaml"),
    file("${path.module}/bank.yaml"),
    yamlencode({
      database  = { connect = "host=${module.cloud.database_host} dbname=oof user=oof sslmode=require target_session_attrs=read-write" }
      migration = { connect = "host=${module.cloud.database_host} dbname=oof user=oof_owner sslmode=require" }
      http      = "oof_events pubsub { topic ${module.cloud.events}; }"
    }),
  ]
}
