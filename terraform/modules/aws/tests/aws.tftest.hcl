mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }

  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "000000000000"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }
}

variables {
  name = "bank-oof"
}

run "queue" {
  command = plan

  assert {
    condition     = aws_sqs_queue.this[0].fifo_queue && aws_sqs_queue.this[0].fifo_throughput_limit == "perMessageGroupId"
    error_message = "the queue keeps no order"
  }

  assert {
    condition     = length(aws_sns_topic.this) == 0 && length(aws_msk_cluster.this) == 0
    error_message = "more than the queue is made"
  }

  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible && aws_db_instance.this.deletion_protection
    error_message = "the database can be lost or reached"
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password
    error_message = "a password in the state"
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access == false
    error_message = "the cluster's API is open"
  }

  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required"
    error_message = "pods get the node's identity"
  }

  assert {
    condition     = length(aws_subnet.private) == 3 && length(distinct([for s in aws_subnet.private : s.cidr_block])) == 3
    error_message = "subnets"
  }
}

run "topic" {
  command = plan

  variables {
    events = "sns"
  }

  assert {
    condition     = aws_sns_topic.this[0].fifo_topic && length(aws_sqs_queue.this) == 0
    error_message = "the topic keeps no order"
  }
}

run "kafka" {
  command = plan

  variables {
    events = "kafka"
  }

  assert {
    condition     = aws_msk_cluster.this[0].encryption_info[0].encryption_in_transit[0].client_broker == "TLS"
    error_message = "events travel in clear"
  }

  assert {
    condition     = length(aws_iam_role_policy.pods) == 0
    error_message = "rights that nobody needs"
  }
}

run "amd64" {
  command = plan

  variables {
    nodes = { architecture = "amd64", instance_types = ["c7i.xlarge"] }
  }

  assert {
    condition     = aws_eks_node_group.this.ami_type == "AL2023_x86_64_STANDARD"
    error_message = "nodes of another architecture"
  }
}

run "refused_name" {
  command = plan

  variables {
    name = "Bank"
  }

  expect_failures = [var.name]
}

run "refused_world" {
  command = plan

  variables {
    endpoint_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.endpoint_cidrs]
}

run "refused_events" {
  command = plan

  variables {
    events = "mq"
  }

  expect_failures = [var.events]
}

run "refused_database" {
  command = plan

  variables {
    database = { engine_version = "13" }
  }

  expect_failures = [var.database]
}

run "refused_nodes" {
  command = plan

  variables {
    nodes = { min = 1 }
  }

  expect_failures = [var.nodes]
}
