# A bank on AWS.  First "terraform apply -target=module.cloud", then all of it:
# the second half speaks to the cluster that the first has made.

terraform {
  required_version = ">= 1.7"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.60"
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

variable "image" {
  type        = string
  description = "Repository of the image in the bank's registry."
}

provider "aws" {
  region = "sa-east-1"
}

module "cloud" {
  source = "../../modules/aws"

  name   = "bank-oof"
  events = "sqs"
}

locals {
  login = ["eks", "get-token", "--cluster-name", module.cloud.cluster_name]
}

provider "kubernetes" {
  host                   = module.cloud.cluster_endpoint
  cluster_ca_certificate = base64decode(module.cloud.cluster_ca)

  exec {
    api_version = "client.authentication.k8s.io/v1beta1"
    command     = "aws"
    args        = local.login
  }
}

provider "helm" {
  kubernetes {
    host                   = module.cloud.cluster_endpoint
    cluster_ca_certificate = base64decode(module.cloud.cluster_ca)

    exec {
      api_version = "client.authentication.k8s.io/v1beta1"
      command     = "aws"
      args        = local.login
    }
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
      http      = "oof_events sqs { queue ${module.cloud.events}; }"
    }),
  ]
}

output "events" {
  description = "The queue that the bank's other systems read."
  value       = module.cloud.events
}
