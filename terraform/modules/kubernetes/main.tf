# A cluster to a serving bank: namespace, secrets where no operator brings them,
# a database where the cluster has one, and the release.

resource "kubernetes_namespace" "this" {
  metadata {
    name = var.namespace

    labels = {
      "pod-security.kubernetes.io/enforce" = "restricted"
      "pod-security.kubernetes.io/warn"    = "restricted"
    }
  }
}

resource "kubernetes_secret" "this" {
  for_each = nonsensitive(toset(keys(var.secrets)))

  metadata {
    name      = each.value
    namespace = kubernetes_namespace.this.metadata[0].name
  }

  data = var.secrets[each.value]
}

# Synchronous: what was acknowledged is on two of them.

resource "kubernetes_manifest" "database" {
  count = var.database_operator.enabled ? 1 : 0

  manifest = {
    apiVersion = "postgresql.cnpg.io/v1"
    kind       = "Cluster"

    metadata = {
      name      = var.database_operator.name
      namespace = kubernetes_namespace.this.metadata[0].name
    }

    spec = merge({
      instances = var.database_operator.instances

      bootstrap = {
        initdb = {
          database = "oof"
          owner    = "oof_owner"
        }
      }

      postgresql = {
        synchronous = {
          method = "any"
          number = 1
        }

        parameters = {
          synchronous_commit                = "on"
          log_parameter_max_length_on_error = "0"
        }
      }

      storage = merge(
        { size = var.database_operator.storage },
        var.database_operator.storage_class == null ? {} : { storageClass = var.database_operator.storage_class },
      )

      affinity = {
        enablePodAntiAffinity = true
        podAntiAffinityType   = "required"
        topologyKey           = "kubernetes.io/hostname"
      }
    }, var.database_operator.image == null ? {} : { imageName = var.database_operator.image })
  }
}

resource "helm_release" "this" {
  name        = var.release
  namespace   = kubernetes_namespace.this.metadata[0].name
  chart       = var.chart
  atomic      = true
  wait        = true
  timeout     = var.timeout
  lint        = true
  max_history = 10

  values = concat([
    yamlencode({
      image = var.image

      serviceAccount = {
        create      = true
        annotations = var.service_account_annotations
      }

      roles = {
        (var.load_balancer.role) = {
          service = {
            enabled               = true
            type                  = "LoadBalancer"
            port                  = 443
            externalTrafficPolicy = "Local"
            annotations           = var.load_balancer.annotations
          }
        }
      }
    }),
  ], var.values)

  depends_on = [
    kubernetes_secret.this,
    kubernetes_manifest.database,
  ]
}
