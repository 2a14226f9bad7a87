"""Protection: policies and the firewall that carries them out, certificates, alarms, the audit trail."""
