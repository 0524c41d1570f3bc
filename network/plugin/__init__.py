"""What Ansible loads from this program."""
