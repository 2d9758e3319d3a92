output "namespace" {
  description = "Namespace of the release."
  value       = kubernetes_namespace.this.metadata[0].name
}

output "version" {
  description = "Version of the chart that is installed."
  value       = helm_release.this.version
}
