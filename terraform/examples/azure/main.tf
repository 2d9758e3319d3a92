# A bank on Azure.  First "terraform apply -target=module.cloud".

terraform {
  required_version = ">= 1.7"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
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

variable "subscription" {
  type        = string
  description = "Id of the subscription."
}

variable "owner_password" {
  type        = string
  sensitive   = true
  description = "Password of the schema's owner, from the bank's vault."
}

variable "image" {
  type        = string
  description = "Repository of the image in the bank's registry."
}

variable "kubeconfig" {
  type        = string
  description = "File that \"az aks get-credentials\" and \"kubelogin\" have made."
}

provider "azurerm" {
  subscription_id = var.subscription

  features {}
}

module "cloud" {
  source = "../../modules/azure"

  name           = "bank-oof"
  owner_password = var.owner_password
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

  chart                       = "${path.module}/../../../helm/oof"
  image                       = { repository = var.image }
  service_account_annotations = module.cloud.service_account_annotations
  load_balancer               = { annotations = module.cloud.load_balancer_annotations }

  values = [
    file("${path.module}/../../../helm/values/medium.yaml"),
    file("${path.module}/bank.yaml"),
    yamlencode({
      database      = { connect = "host=${module.cloud.database_host} dbname=oof user=oof sslmode=require target_session_attrs=read-write" }
      migration     = { connect = "host=${module.cloud.database_host} dbname=oof user=oof_owner sslmode=require" }
      networkPolicy = { enabled = true, egress = [{ ports = [{ port = 9093, protocol = "TCP" }] }] }
    }),
  ]
}
