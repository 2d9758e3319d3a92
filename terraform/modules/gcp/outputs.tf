output "cluster_name" {
  description = "Name of the cluster, for \"gcloud container clusters get-credentials\"."
  value       = google_container_cluster.this.name
}

output "cluster_endpoint" {
  description = "Address of the cluster's API."
  value       = google_container_cluster.this.endpoint
}

output "cluster_ca" {
  description = "The certificate of the cluster's API, base64."
  value       = google_container_cluster.this.master_auth[0].cluster_ca_certificate
}

output "database_host" {
  description = "Address of PostgreSQL."
  value       = google_sql_database_instance.this.private_ip_address
}

output "events" {
  description = "The topic, as projects/PROJECT/topics/NAME."
  value       = one(google_pubsub_topic.this[*].id)
}

output "service_account_annotations" {
  description = "What the chart's serviceAccount.annotations has to say."
  value       = { "iam.gke.io/gcp-service-account" = google_service_account.pods.email }
}

output "load_balancer_annotations" {
  description = "What the chart's service.annotations has to say: TCP with the callers' addresses kept."
  value       = { "cloud.google.com/l4-rbs" = "enabled" }
}

output "load_balancer_ip" {
  description = "The address that third parties know."
  value       = google_compute_address.this.address
}
