output "cluster_name" {
  description = "Name of the cluster, for \"az aks get-credentials\"."
  value       = azurerm_kubernetes_cluster.this.name
}

output "cluster_endpoint" {
  description = "Address of the cluster's API."
  value       = azurerm_kubernetes_cluster.this.fqdn
}

output "database_host" {
  description = "Host of PostgreSQL."
  value       = azurerm_postgresql_flexible_server.this.fqdn
}

output "events" {
  description = "The broker of Event Hubs, for Kafka's protocol."
  value       = var.event_hubs ? "${azurerm_eventhub_namespace.this[0].name}.servicebus.windows.net:9093" : null
}

output "events_connection" {
  description = "The password of the user $ConnectionString, for SASL PLAIN."
  value       = one(azurerm_eventhub_namespace_authorization_rule.send[*].primary_connection_string)
  sensitive   = true
}

output "service_account_annotations" {
  description = "What the chart's serviceAccount.annotations has to say."
  value       = { "azure.workload.identity/client-id" = azurerm_user_assigned_identity.pods.client_id }
}

output "load_balancer_annotations" {
  description = "What the chart's service.annotations has to say: TCP at the address that third parties know."
  value = {
    "service.beta.kubernetes.io/azure-pip-name"                     = azurerm_public_ip.this.name
    "service.beta.kubernetes.io/azure-load-balancer-resource-group" = azurerm_resource_group.this.name
  }
}

output "key_vault" {
  description = "The vault that the secrets of the chart are brought from."
  value       = azurerm_key_vault.this.vault_uri
}
