# A bank on a cluster of its own, with PostgreSQL by the operator CloudNativePG.

terraform {
  required_version = ">= 1.7"

  required_providers {
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

variable "image" {
  type        = string
  description = "Repository of the image in the bank's registry."
}

variable "kubeconfig" {
  type        = string
  description = "File of the cluster's credentials."
}

provider "kubernetes" {
  config_path = var.kubeconfig
}

provider "helm" {
  kubernetes {
    config_path = var.kubeconfig
  }
}

module "oof" {
  source = "../../modules/kubernetes"

  chart             = "${path.module}/../../../helm/oof"
  image             = { repository = var.image }
  database_operator = { enabled = true, storage_class = "fast" }

  values = [
    file("${path.module}/../../../helm/values/small.yaml"),
    file("${path.module}/bank.yaml"),
    yamlencode({
      database  = { connect = "host=oof-database-rw dbname=oof user=oof sslmode=require" }
      migration = { connect = "host=oof-database-rw dbname=oof user=oof_owner sslmode=require" }
    }),
  ]
}
