output "cluster_name" {
  description = "Name of the cluster, for \"aws eks update-kubeconfig\"."
  value       = aws_eks_cluster.this.name
}

output "cluster_endpoint" {
  description = "Address of the cluster's API."
  value       = aws_eks_cluster.this.endpoint
}

output "cluster_ca" {
  description = "The certificate of the cluster's API, base64."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "database_host" {
  description = "Host of PostgreSQL."
  value       = aws_db_instance.this.address
}

output "database_secret" {
  description = "ARN of the secret that has the password of the schema's owner."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

output "events" {
  description = "URL of the queue, ARN of the topic, or the brokers."
  value = one(concat(
    aws_sqs_queue.this[*].url,
    aws_sns_topic.this[*].arn,
    aws_msk_cluster.this[*].bootstrap_brokers_sasl_scram,
  ))
}

output "service_account_annotations" {
  description = "What the chart's serviceAccount.annotations has to say."
  value       = { "eks.amazonaws.com/role-arn" = aws_iam_role.pods.arn }
}

output "load_balancer_annotations" {
  description = "What the chart's service.annotations has to say: TCP, so that TLS ends in the pods, with the callers' addresses kept."
  value = {
    "service.beta.kubernetes.io/aws-load-balancer-type"                    = "external"
    "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"         = "ip"
    "service.beta.kubernetes.io/aws-load-balancer-scheme"                  = "internet-facing"
    "service.beta.kubernetes.io/aws-load-balancer-backend-protocol"        = "tcp"
    "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes" = "preserve_client_ip.enabled=true,deregistration_delay.timeout_seconds=30"
  }
}

output "key_arn" {
  description = "The key that encrypts all of it."
  value       = aws_kms_key.this.arn
}
