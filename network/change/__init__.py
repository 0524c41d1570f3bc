"""What a change of policy or inventory means, and how what is loaded differs from what is intended."""
