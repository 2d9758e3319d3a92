# An empty subscription to what the chart needs: a network, AKS, PostgreSQL,
# Event Hubs, a vault, and an identity for the pods.

locals {
  tags = merge({ application = "oof", name = var.name }, var.tags)
}

data "azurerm_client_config" "this" {}

resource "azurerm_resource_group" "this" {
  name     = var.name
  location = var.location
  tags     = local.tags
}

# the network

resource "azurerm_virtual_network" "this" {
  name                = var.name
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  address_space       = [var.cidr]
  tags                = local.tags
}

resource "azurerm_subnet" "nodes" {
  name                 = "nodes"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [cidrsubnet(var.cidr, 4, 0)]
}

resource "azurerm_subnet" "database" {
  name                 = "database"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [cidrsubnet(var.cidr, 8, 240)]

  delegation {
    name = "postgresql"

    service_delegation {
      name    = "Microsoft.DBforPostgreSQL/flexibleServers"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_private_dns_zone" "database" {
  name                = "${var.name}.private.postgres.database.azure.com"
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "database" {
  name                  = var.name
  resource_group_name   = azurerm_resource_group.this.name
  private_dns_zone_name = azurerm_private_dns_zone.database.name
  virtual_network_id    = azurerm_virtual_network.this.id
  tags                  = local.tags
}

# the address that third parties know

resource "azurerm_public_ip" "this" {
  name                = var.name
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  allocation_method   = "Static"
  sku                 = "Standard"
  zones               = var.zones
  tags                = local.tags
}

# the cluster

resource "azurerm_user_assigned_identity" "cluster" {
  name                = "${var.name}-cluster"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

resource "azurerm_role_assignment" "cluster" {
  scope                = azurerm_resource_group.this.id
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.cluster.principal_id
}

resource "azurerm_log_analytics_workspace" "this" {
  name                = var.name
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  retention_in_days   = 365
  tags                = local.tags
}

resource "azurerm_kubernetes_cluster" "this" {
  name                              = var.name
  location                          = azurerm_resource_group.this.location
  resource_group_name               = azurerm_resource_group.this.name
  dns_prefix                        = var.name
  sku_tier                          = "Standard"
  automatic_upgrade_channel         = "stable"
  private_cluster_enabled           = length(var.endpoint_cidrs) == 0
  local_account_disabled            = true
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true
  role_based_access_control_enabled = true
  azure_policy_enabled              = true
  tags                              = local.tags

  default_node_pool {
    name                 = "oof"
    vm_size              = var.nodes.size
    vnet_subnet_id       = azurerm_subnet.nodes.id
    zones                = var.zones
    auto_scaling_enabled = true
    min_count            = var.nodes.min
    max_count            = var.nodes.max

    upgrade_settings {
      max_surge = "1"
    }
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.cluster.id]
  }

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled = true
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_policy      = "cilium"
    network_data_plane  = "cilium"
    load_balancer_sku   = "standard"
  }

  dynamic "api_server_access_profile" {
    for_each = length(var.endpoint_cidrs) > 0 ? [1] : []

    content {
      authorized_ip_ranges = var.endpoint_cidrs
    }
  }

  oms_agent {
    log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  }

  lifecycle {
    ignore_changes = [default_node_pool[0].node_count]
  }

  depends_on = [azurerm_role_assignment.cluster]
}

# PostgreSQL

resource "azurerm_postgresql_flexible_server" "this" {
  name                          = var.name
  location                      = azurerm_resource_group.this.location
  resource_group_name           = azurerm_resource_group.this.name
  version                       = var.database.version
  sku_name                      = var.database.sku
  storage_mb                    = var.database.storage_mb
  auto_grow_enabled             = true
  backup_retention_days         = var.database.retention_days
  geo_redundant_backup_enabled  = false
  administrator_login           = "oof_owner"
  administrator_password        = var.owner_password
  delegated_subnet_id           = azurerm_subnet.database.id
  private_dns_zone_id           = azurerm_private_dns_zone.database.id
  public_network_access_enabled = false
  zone                          = var.zones[0]
  tags                          = local.tags

  high_availability {
    mode                      = "ZoneRedundant"
    standby_availability_zone = var.zones[1]
  }

  lifecycle {
    prevent_destroy = true

    # a fail-over changes sides

    ignore_changes = [zone, high_availability[0].standby_availability_zone]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.database]
}

resource "azurerm_postgresql_flexible_server_configuration" "this" {
  for_each = {
    require_secure_transport = "on"

    # statements hold personal data as parameters

    log_parameter_max_length_on_error = "0"
  }

  name      = each.key
  server_id = azurerm_postgresql_flexible_server.this.id
  value     = each.value
}

resource "azurerm_postgresql_flexible_server_database" "this" {
  name      = "oof"
  server_id = azurerm_postgresql_flexible_server.this.id
  collation = "en_US.utf8"
  charset   = "UTF8"

  lifecycle {
    prevent_destroy = true
  }
}

# events, by Kafka's protocol: the provider "kafka" with SASL over TLS

resource "azurerm_eventhub_namespace" "this" {
  count = var.event_hubs ? 1 : 0

  name                     = var.name
  location                 = azurerm_resource_group.this.location
  resource_group_name      = azurerm_resource_group.this.name
  sku                      = "Standard"
  capacity                 = 1
  auto_inflate_enabled     = true
  maximum_throughput_units = 10
  minimum_tls_version      = "1.2"
  tags                     = local.tags
}

resource "azurerm_eventhub" "this" {
  for_each = var.event_hubs ? toset(["oof.consent", "oof.payment", "oof.payment_consent", "oof.client", "oof.api"]) : []

  name              = each.value
  namespace_id      = azurerm_eventhub_namespace.this[0].id
  partition_count   = 8
  message_retention = 7
}

resource "azurerm_eventhub_namespace_authorization_rule" "send" {
  count = var.event_hubs ? 1 : 0

  name                = "oof"
  namespace_name      = azurerm_eventhub_namespace.this[0].name
  resource_group_name = azurerm_resource_group.this.name
  send                = true
  listen              = false
  manage              = false
}

# secrets of the chart are brought into the cluster from here

resource "azurerm_key_vault" "this" {
  name                          = var.name
  location                      = azurerm_resource_group.this.location
  resource_group_name           = azurerm_resource_group.this.name
  tenant_id                     = data.azurerm_client_config.this.tenant_id
  sku_name                      = "premium"
  purge_protection_enabled      = true
  soft_delete_retention_days    = 90
  rbac_authorization_enabled    = true
  public_network_access_enabled = false
  tags                          = local.tags

  network_acls {
    bypass         = "AzureServices"
    default_action = "Deny"
  }
}

# the pods' identity

resource "azurerm_user_assigned_identity" "pods" {
  name                = "${var.name}-pods"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "pods" {
  name                = "${var.name}-pods"
  resource_group_name = azurerm_resource_group.this.name
  parent_id           = azurerm_user_assigned_identity.pods.id
  issuer              = azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject             = "system:serviceaccount:${var.namespace}:${var.service_account}"
  audience            = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "vault" {
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.pods.principal_id
}
